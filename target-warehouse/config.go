package main

import (
	"encoding/json"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"tapline/singer"
)

// settings are the config of target-warehouse; schemas/config/target-warehouse.json documents and validates them.
type settings struct {
	Destination string `json:"destination"`
	Pipeline    string `json:"pipeline"`
	placeSettings
	tableSettings
	recordSettings
	paceSettings
	strangeSettings
}

// placeSettings say where the warehouse is and how it is opened.
type placeSettings struct {
	Path string        `json:"path"`
	URL  singer.Secret `json:"url"`

	StorageVersion  string          `json:"storage_version"`
	MotherDuckToken singer.Secret   `json:"motherduck_token"`
	DuckDBMemory    json.RawMessage `json:"duckdb_memory"` // a size

	Host        string        `json:"host"`
	Port        int           `json:"port"`
	User        string        `json:"user"`
	Password    singer.Secret `json:"password"`
	Database    string        `json:"database"`
	SSLMode     string        `json:"ssl_mode"`
	SSLRootCert string        `json:"ssl_certificate_authority"`
	SSLCert     string        `json:"ssl_client_certificate"`
	SSLKey      string        `json:"ssl_client_private_key"`

	Format          string `json:"format"`
	Compression     string `json:"compression"`
	PartitionBy     string `json:"partition_by"`
	PartitionColumn string `json:"partition_column"`

	duckDBMemory int64 // bytes; 0 for DuckDB's default
}

// tableSettings say what tables look like and how rows come into them.
type tableSettings struct {
	Schema        string                     `json:"default_target_schema"`
	SchemaMapping map[string]json.RawMessage `json:"schema_mapping"`
	Integration   string                     `json:"integration_name"`
	IntegrationAs string                     `json:"integration_name_as"`
	LoadMethod    string                     `json:"load_method"`
	History       []string                   `json:"history"`
	HardDelete    bool                       `json:"hard_delete"`
	Versions      bool                       `json:"process_activate_version_messages"`
	KeyRequired   bool                       `json:"primary_key_required"`
	Conflict      string                     `json:"conflict"`
	Metadata      bool                       `json:"add_record_metadata"`

	Flatten          bool   `json:"flattening_enabled"`
	FlattenDepth     *int   `json:"flattening_max_depth"`
	FlattenSeparator string `json:"flattening_separator"`
	FlattenLength    int    `json:"flattening_max_key_length"`
	FlattenLevel     *int   `json:"data_flattening_max_level"`

	mapping map[string]string // SchemaMapping, by source
}

// recordSettings say what to do with records that are not as they should be.
type recordSettings struct {
	Validate      bool   `json:"validate_records"`
	OnBadRecord   string `json:"on_bad_record"`
	OnInvalidLine string `json:"on_invalid_line"`
	MaxRejected   int64  `json:"max_rejected_records"`
}

// paceSettings say when is committed, and how much may lie in memory until then.
type paceSettings struct {
	BatchRows     int64           `json:"batch_size_rows"`
	BatchBytes    int64           `json:"batch_size_bytes"`
	BatchWait     float64         `json:"batch_wait_limit_seconds"`
	FlushAll      bool            `json:"flush_all_streams"`
	MaxMemory     json.RawMessage `json:"max_memory"` // a size
	DeleteBatches bool            `json:"batch_delete_after_load"`

	maxMemory  int64 // bytes
	loadMemory int64 // what of it records on their way may take; DuckDB's blocks get the rest
}

// strangeSettings are those of the Singer SDK that are accepted only when they ask for nothing.
type strangeSettings struct {
	StreamMaps      map[string]any `json:"stream_maps"`
	StreamMapConfig map[string]any `json:"stream_map_config"`
	FakerConfig     map[string]any `json:"faker_config"`
}

// leastMemory lets one chunk of lines be read while another is decoded and a third is being committed.
const leastMemory = 16 << 20

// readSettings takes the settings over, completes them, and holds them against each other. The failure has all faults.
func readSettings(c *singer.Config) (*settings, error) {
	s := &settings{}
	if err := c.Decode(s); err != nil {
		return nil, err
	}
	var given map[string]json.RawMessage
	if err := c.Decode(&given); err != nil {
		return nil, err
	}
	if s.LoadMethod == "" {
		s.LoadMethod = engines[s.Destination].method
	}
	faults := slices.Concat(s.sizeFaults(), s.destinationFaults(given), s.methodFaults(), s.nameFaults(), s.flattenFaults(given), s.strangeFaults())
	if len(faults) > 0 {
		return nil, &singer.ConfigError{Source: "the config", Faults: faults}
	}
	return s, nil
}

func (s *settings) sizeFaults() (faults []string) {
	read := func(name string, value json.RawMessage, least int64) int64 {
		text := strings.Trim(string(value), `"`)
		size, err := humanize.ParseBytes(text)
		if err != nil || size < uint64(least) || size > math.MaxInt64 {
			faults = append(faults, fmt.Sprintf("%s is %s, which is less than 16MiB or no size: give bytes, or a size such as 512MiB", name, text))
		}
		return int64(size)
	}
	s.maxMemory = read("max_memory", s.MaxMemory, leastMemory)
	s.loadMemory = s.maxMemory
	if s.Destination == "duckdb" {
		s.loadMemory /= 2
	}
	if s.DuckDBMemory != nil {
		s.duckDBMemory = read("duckdb_memory", s.DuckDBMemory, leastMemory)
	}
	return faults
}

// methodFaults finds ways of loading that exclude each other.
func (s *settings) methodFaults() (faults []string) {
	if s.LoadMethod == "overwrite" && !s.Versions {
		faults = append(faults, "load_method overwrite shows the new rows when ACTIVATE_VERSION says that all are there, but process_activate_version_messages is off; turn it on")
	}
	if len(s.History) > 0 && s.LoadMethod != "upsert" {
		faults = append(faults, fmt.Sprintf("history keeps the rows that load_method upsert would replace, but load_method is %s; leave one of the two out", s.LoadMethod))
	}
	for _, pattern := range s.History {
		if _, err := path.Match(pattern, ""); err != nil {
			faults = append(faults, fmt.Sprintf("history has the pattern %q, which is malformed; * stands for any characters, ? for one, [ab] for one of them", pattern))
		}
	}
	return faults
}

// nameFaults finds what is wrong with the names of tables, and reads the mapping of schemas.
func (s *settings) nameFaults() (faults []string) {
	if s.IntegrationAs == "schema" && s.Integration == "" {
		faults = append(faults, "integration_name_as is schema, but there is no integration_name to name it after")
	}
	if s.IntegrationAs == "schema" && s.Schema != "" {
		faults = append(faults, "integration_name_as schema and default_target_schema both name the schema of the tables; leave one out")
	}
	s.mapping = map[string]string{}
	for source, value := range s.SchemaMapping {
		var long struct {
			Schema string `json:"target_schema"`
		}
		if json.Unmarshal(value, &long.Schema) != nil && json.Unmarshal(value, &long) != nil {
			faults = append(faults, fmt.Sprintf("schema_mapping gives %q no name of a schema", source))
		}
		s.mapping[source] = long.Schema
	}
	return faults
}

// flattenFaults settles how deep objects are flattened, which two settings can say.
func (s *settings) flattenFaults(given map[string]json.RawMessage) (faults []string) {
	if s.FlattenLevel == nil {
		return nil
	}
	if s.FlattenDepth != nil && *s.FlattenDepth != *s.FlattenLevel {
		faults = append(faults, fmt.Sprintf("data_flattening_max_level is %d and flattening_max_depth is %d, which mean the same; keep one of them", *s.FlattenLevel, *s.FlattenDepth))
	}
	s.FlattenDepth, s.Flatten = s.FlattenLevel, s.Flatten || *s.FlattenLevel > 0
	return faults
}

func (s *settings) strangeFaults() (faults []string) {
	for _, strange := range []struct {
		name  string
		value map[string]any
	}{{"stream_maps", s.StreamMaps}, {"stream_map_config", s.StreamMapConfig}, {"faker_config", s.FakerConfig}} {
		if len(strange.value) > 0 {
			faults = append(faults, strange.name+" asks for records to be changed on their way, which target-warehouse does not do: it loads what the tap sends; put a mapper between them, such as meltano-map-transformer, and take the setting out")
		}
	}
	return faults
}

// batchWait is between a millisecond and the longest time there is.
func (s *settings) batchWait() time.Duration {
	if wait := s.BatchWait * float64(time.Second); wait < math.MaxInt64 {
		return max(time.Duration(wait), time.Millisecond)
	}
	return math.MaxInt64
}

// keepsHistory tells whether the rows of a stream keep their history.
func (s *settings) keepsHistory(stream string) bool {
	return slices.ContainsFunc(s.History, func(pattern string) bool {
		matches, _ := path.Match(pattern, stream) // methodFaults has found malformed ones
		return matches
	})
}
