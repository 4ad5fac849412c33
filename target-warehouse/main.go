// Command target-warehouse reads a Singer stream from stdin and loads it into a warehouse. It writes a state to stdout
// once everything that the state covers is durable:
//
//	tap-stripe --config tap.json | target-warehouse --config target.json >> state.jsonl
//
// The path of a record: package singer reads lines, load cuts and orders them, decode turns them into columns,
// destination makes them durable. Package table holds the shapes they agree on, journal what is recorded about it all.
package main

import (
	"os"

	"tapline/schemas"
	"tapline/singer"
)

// version is set by the linker; see the Makefile.
var version = "dev"

func main() { os.Exit(target().Main()) }

func target() *singer.Target {
	return &singer.Target{
		Name:        "target-warehouse",
		Version:     version,
		Description: "Loads a Singer stream into a warehouse, exactly: data and state in one transaction.",
		Config:      schemas.Config("target-warehouse"),
		Load:        loadStream,
		Check:       check,
		Commands:    commands,
		Streams:     loadedStreams,
		Capabilities: []string{"activate-version", "batch", "hard-delete", "schema-flattening", "soft-delete", "target-schema",
			"validate-records"},
	}
}

// commands are the verbs beside loading.
var commands = []singer.Command{
	{Name: "status", Help: "show how the tables stand, and the latest runs", Run: showStatus, Options: []singer.CommandOption{
		{Name: "max-age", Arg: "DURATION", Help: "fail if the newest record of a table is older than this, such as 2h or 90m"}, formatOption}},
	{Name: "runs", Help: "list the runs", Run: showRuns, Options: []singer.CommandOption{limitOption, pipelineOption, formatOption}},
	{Name: "state", Help: "print, replace or forget the state that the next run goes on from", Commands: []singer.Command{
		{Name: "get", Help: "print the state as it is stored", Run: getState, Options: []singer.CommandOption{pipelineOption}},
		{Name: "set", Args: "FILE", Help: "replace the state by that of a file", Run: setState, Options: []singer.CommandOption{pipelineOption}},
		{Name: "reset", Help: "forget the state, so that the tap reads everything again", Run: resetState,
			Options: []singer.CommandOption{pipelineOption, {Name: "yes", Help: "do it"}}},
	}},
	{Name: "reload", Args: "STREAM", Help: "have a stream read from its beginning, and print the state that makes the tap do so", Run: requestReload,
		Options: []singer.CommandOption{pipelineOption}},
	{Name: "rejects", Help: "list what the warehouse could not take", Run: showRejects,
		Options: []singer.CommandOption{{Name: "stream", Arg: "STREAM", Help: "of this stream alone"}, limitOption, formatOption}},
	{Name: "columns", Help: "list the columns, and what fills them", Run: showColumns,
		Options: []singer.CommandOption{{Name: "stream", Arg: "STREAM", Help: "of this stream alone"}, pipelineOption, formatOption}},
	{Name: "changes", Help: "list the changes made to tables", Run: showChanges, Options: []singer.CommandOption{limitOption, formatOption}},
}

// Flags that several verbs have.
var (
	limitOption    = singer.CommandOption{Name: "limit", Arg: "N", Help: "the newest N; 20 without it, 0 for all"}
	pipelineOption = singer.CommandOption{Name: "pipeline", Arg: "NAME", Help: "of this pipeline; without it that of the config"}
	formatOption   = singer.CommandOption{Name: "format", Arg: "text|json", Help: "for people or for machines", Choices: []string{"text", "json"}}
)
