//go:build race

package main

// Under the race detector everything takes ten times as long, so make test runs all scenarios once more without it.
const scenarioSeeds = 10
