//go:build !race

package main

// scenarioSeeds is how many scenarios are tried. The environment variable TAPLINE_SOAK says another number, and
// TAPLINE_SEED one seed to see again.
const scenarioSeeds = 100
