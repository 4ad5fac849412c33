package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/dustin/go-humanize"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/duckdb"
)

// settings are the config of target-warehouse; schemas/config/target-warehouse.json documents and validates them.
type settings struct {
	Destination string  `json:"destination"`
	Path        string  `json:"path"`
	Schema      string  `json:"default_target_schema"`
	Pipeline    string  `json:"pipeline"`
	LoadMethod  string  `json:"load_method"`
	Metadata    bool    `json:"add_record_metadata"`
	BatchRows   int64   `json:"batch_size_rows"`
	BatchBytes  int64   `json:"batch_size_bytes"`
	BatchWait   float64 `json:"batch_wait_limit_seconds"`
	// MaxMemory is a number of bytes or text such as "512MiB".
	MaxMemory json.RawMessage `json:"max_memory"`

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
func (s *settings) open(ctx context.Context) (destination.Destination, memory.Allocator, error) {
	switch s.Destination {
	case "duckdb":
		w, err := duckdb.Open(ctx, duckdb.Config{Path: s.Path})
		return w, duckdb.Allocator(), err
	}
	return nil, nil, fmt.Errorf("destination %s is unknown", s.Destination)
}

// openReadOnly opens the destination for looking at it alone.
func (s *settings) openReadOnly(ctx context.Context) (destination.Destination, error) {
	switch s.Destination {
	case "duckdb":
		return duckdb.OpenReadOnly(ctx, s.Path)
	}
	return nil, fmt.Errorf("destination %s is unknown", s.Destination)
}
