package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/duckdb"
	"tapline/target-warehouse/destination/files"
	"tapline/target-warehouse/destination/postgres"
)

// engines are the kinds of destinations by their name in the config.
var engines = map[string]struct {
	method string // load_method where the config names none
	schema string // the tables' where the config names none
	noNUL  bool   // its text has no NUL characters
}{
	"duckdb":   {"upsert", "main", false},
	"postgres": {"upsert", "public", true},
	"files":    {"append-only", "", false},
}

// heeded lists the settings that not every kind of destination heeds, and those that do.
var heeded = []struct {
	by    []string
	names []string
}{
	{[]string{"duckdb", "files"}, []string{"path"}},
	{[]string{"postgres", "files"}, []string{"url"}},
	{[]string{"duckdb"}, []string{"storage_version", "motherduck_token", "duckdb_memory"}},
	{[]string{"postgres"}, []string{"host", "port", "user", "password", "database",
		"ssl_mode", "ssl_certificate_authority", "ssl_client_certificate", "ssl_client_private_key"}},
	{[]string{"files"}, []string{"format", "compression", "partition_by", "partition_column"}},
}

// destinationFaults finds settings that the destination lacks or cannot do.
func (s *settings) destinationFaults(given map[string]json.RawMessage) (faults []string) {
	for _, h := range heeded {
		for _, name := range h.names {
			if given[name] != nil && !slices.Contains(h.by, s.Destination) {
				faults = append(faults, fmt.Sprintf("%s is a setting of destination %s, but the destination is %s; take it out, or change the destination",
					name, strings.Join(h.by, " and "), s.Destination))
			}
		}
	}
	if s.MotherDuckToken != "" && !s.motherDuck() {
		faults = append(faults, "motherduck_token is for a path that begins with md:, but the path names a file; take it out, or write md: and the name of the database as path")
	}
	if s.Destination == "files" {
		faults = append(faults, s.filesFaults()...)
	}
	return faults
}

func (s *settings) filesFaults() (faults []string) {
	if (s.Path == "") == (s.URL == "") {
		faults = append(faults, "destination files needs either path, a directory, or url, such as s3://bucket/prefix")
	}
	asked := map[string]string{"load_method": s.LoadMethod, "hard_delete": fmt.Sprint(s.HardDelete)}
	for _, limit := range files.Limits {
		switch {
		case asked[limit.Setting] == limit.Value:
			faults = append(faults, fmt.Sprintf("destination files cannot do %s %s: %s", limit.Setting, limit.Value, limit.Reason))
		case limit.Value == "history" && len(s.History) > 0:
			faults = append(faults, "destination files cannot do history: "+limit.Reason)
		}
	}
	return faults
}

func (s *settings) motherDuck() bool { return strings.HasPrefix(s.Path, "md:") }

// open opens the destination that the settings name and tells in which memory it wants batches.
func (s *settings) open(ctx context.Context, log *slog.Logger) (destination.Destination, memory.Allocator, error) {
	switch s.Destination {
	case "duckdb":
		w, err := duckdb.Open(ctx, s.duckdb())
		return w, duckdb.Allocator(), err
	case "postgres":
		w, err := postgres.Open(ctx, s.postgres(log))
		return w, postgres.Allocator(), err
	case "files":
		cfg := s.files()
		cfg.Log = log
		w, err := files.Open(ctx, cfg)
		return w, files.Allocator(), err
	}
	return nil, nil, fmt.Errorf("destination %s is unknown", s.Destination)
}

// openReadOnly opens the destination for looking at it alone.
func (s *settings) openReadOnly(ctx context.Context, log *slog.Logger) (destination.Destination, error) {
	switch s.Destination {
	case "duckdb":
		return duckdb.OpenReadOnly(ctx, s.duckdb().Path)
	case "postgres":
		return postgres.OpenReadOnly(ctx, s.postgres(log))
	case "files":
		return files.OpenReadOnly(ctx, s.files())
	}
	return nil, fmt.Errorf("destination %s is unknown", s.Destination)
}

func (s *settings) duckdb() duckdb.Config {
	path := s.Path
	if s.MotherDuckToken != "" {
		join := "?"
		if strings.Contains(path, "?") {
			join = "&"
		}
		path += join + "motherduck_token=" + url.QueryEscape(s.MotherDuckToken.Reveal())
	}
	return duckdb.Config{Path: path, StorageVersion: s.StorageVersion, MemoryLimit: s.duckDBMemory, TableMemory: s.maxMemory - s.loadMemory}
}

func (s *settings) postgres(log *slog.Logger) postgres.Config {
	return postgres.Config{
		URL: s.URL, Host: s.Host, Port: s.Port, User: s.User, Password: s.Password, Database: s.Database,
		SSLMode: s.SSLMode, SSLRootCert: s.SSLRootCert, SSLCert: s.SSLCert, SSLKey: s.SSLKey,
		Schema: s.Schema, Pipeline: s.Pipeline, Log: log,
	}
}

func (s *settings) files() files.Config {
	place := s.Path
	if place == "" {
		place = s.URL.Reveal()
	}
	return files.Config{
		URL: place, Format: s.Format, Compression: s.Compression,
		Partition: s.PartitionBy, PartitionColumn: s.PartitionColumn, Pipeline: s.Pipeline,
		RowGroupBytes: min(s.maxMemory/8, 128<<20),
	}
}

// place names the warehouse for a person.
func (s *settings) place() string {
	switch {
	case s.Destination == "postgres":
		return "the PostgreSQL database"
	case s.Path == "":
		return "the files"
	case s.Destination == "files":
		return s.Path
	}
	return duckdb.Describe(s.Path)
}
