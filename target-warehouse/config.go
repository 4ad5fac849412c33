package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/dustin/go-humanize"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/duckdb"
	"tapline/target-warehouse/destination/postgres"
)

// settings are the config of target-warehouse; schemas/config/target-warehouse.json documents and validates them.
type settings struct {
	Destination string  `json:"destination"`
	Path        string  `json:"path"` // of the DuckDB file
	Schema      string  `json:"default_target_schema"`
	Pipeline    string  `json:"pipeline"`
	LoadMethod  string  `json:"load_method"`
	Metadata    bool    `json:"add_record_metadata"`
	BatchRows   int64   `json:"batch_size_rows"`
	BatchBytes  int64   `json:"batch_size_bytes"`
	BatchWait   float64 `json:"batch_wait_limit_seconds"`
	// MaxMemory is a number of bytes or text such as "512MiB".
	MaxMemory json.RawMessage `json:"max_memory"`

	// Where the PostgreSQL database is.
	URL         singer.Secret `json:"url"`
	Host        string        `json:"host"`
	Port        int           `json:"port"`
	User        string        `json:"user"`
	Password    singer.Secret `json:"password"`
	Database    string        `json:"database"`
	SSLMode     string        `json:"ssl_mode"`
	SSLRootCert string        `json:"ssl_certificate_authority"`
	SSLCert     string        `json:"ssl_client_certificate"`
	SSLKey      string        `json:"ssl_client_private_key"`

	maxMemory int64
}

// leastMemory lets one chunk of lines be read while another is decoded and a third is being committed.
const leastMemory = 16 << 20

func readSettings(c *singer.Config) (*settings, error) {
	s := &settings{}
	if err := c.Decode(s); err != nil {
		return nil, err
	}
	text := strings.Trim(string(s.MaxMemory), `"`)
	size, err := humanize.ParseBytes(text)
	if err != nil || size < leastMemory {
		return nil, &singer.ConfigError{Source: "config", Faults: []string{
			fmt.Sprintf("max_memory is %s, which is less than 16MiB or no size: give bytes, or a size such as 512MiB", text)}}
	}
	s.maxMemory = int64(size)
	return s, nil
}

// batchWait is between a millisecond and the longest time there is.
func (s *settings) batchWait() time.Duration {
	if wait := s.BatchWait * float64(time.Second); wait < math.MaxInt64 {
		return max(time.Duration(wait), time.Millisecond)
	}
	return math.MaxInt64
}

// open opens the destination that the settings name and tells in which memory it wants batches.
func (s *settings) open(ctx context.Context, log *slog.Logger) (destination.Destination, memory.Allocator, error) {
	switch s.Destination {
	case "duckdb":
		w, err := duckdb.Open(ctx, duckdb.Config{Path: s.Path})
		return w, duckdb.Allocator(), err
	case "postgres":
		w, err := postgres.Open(ctx, s.postgres(log))
		return w, postgres.Allocator(), err
	}
	return nil, nil, fmt.Errorf("destination %s is unknown", s.Destination)
}

// openReadOnly opens the destination for looking at it alone.
func (s *settings) openReadOnly(ctx context.Context, log *slog.Logger) (destination.Destination, error) {
	switch s.Destination {
	case "duckdb":
		return duckdb.OpenReadOnly(ctx, s.Path)
	case "postgres":
		return postgres.OpenReadOnly(ctx, s.postgres(log))
	}
	return nil, fmt.Errorf("destination %s is unknown", s.Destination)
}

func (s *settings) postgres(log *slog.Logger) postgres.Config {
	return postgres.Config{
		URL: s.URL, Host: s.Host, Port: s.Port, User: s.User, Password: s.Password, Database: s.Database,
		SSLMode: s.SSLMode, SSLRootCert: s.SSLRootCert, SSLCert: s.SSLCert, SSLKey: s.SSLKey,
		Schema: s.Schema, Pipeline: s.Pipeline, Log: log,
	}
}

// place names the warehouse for a person.
func (s *settings) place() string {
	if s.Destination == "postgres" {
		return "the PostgreSQL database"
	}
	return s.Path
}
