package singer

import "encoding/json"

// Catalog lists the streams a tap offers and what of them is selected.
type Catalog struct {
	Streams []*Stream
}

// ParseCatalog reads a catalog; a failure is a [*ConfigError] that lists all faults.
func ParseCatalog(data []byte) (*Catalog, error) { return &Catalog{}, nil }

// Stream returns the stream with that tap_stream_id, else the one with that name, else nil.
func (c *Catalog) Stream(name string) *Stream { return nil }

// Select selects by Meltano's select patterns, whatever the metadata says.
func (c *Catalog) Select(patterns []string) error { return nil }

// MarshalJSON writes the catalog.
func (c *Catalog) MarshalJSON() ([]byte, error) { return nil, nil }

// Stream is one entry of a catalog.
type Stream struct {
	ID       string // tap_stream_id
	Name     string // stream
	Schema   json.RawMessage
	Metadata []Metadata
}

// Metadata is one entry of a stream's metadata list.
type Metadata struct {
	Breadcrumb []string                   `json:"breadcrumb"`
	Metadata   map[string]json.RawMessage `json:"metadata"`
}

// NewStream describes a stream for discovery.
func NewStream(name string, schema json.RawMessage, keys []string, replicationKey string) *Stream {
	return &Stream{ID: name, Name: name, Schema: schema}
}

// MarshalJSON writes the stream's catalog entry.
func (s *Stream) MarshalJSON() ([]byte, error) { return nil, nil }

// MarkUnsupported says that the stream cannot be read, and why.
func (s *Stream) MarkUnsupported(reason string) {}

// Selected reports whether the stream is to be read.
func (s *Stream) Selected() bool { return true }

// FieldSelected reports whether the property at path is to be sent.
func (s *Stream) FieldSelected(path ...string) bool { return true }

// SelectedSchema returns the SCHEMA message to write.
func (s *Stream) SelectedSchema() (*Schema, error) { return &Schema{Stream: s.Name, Schema: s.Schema}, nil }

// KeyProperties returns the names of the properties that identify a record.
func (s *Stream) KeyProperties() []string { return nil }

// ReplicationKey returns the property that tells new records from old ones, or "".
func (s *Stream) ReplicationKey() string { return "" }

// ReplicationMethod returns FULL_TABLE, INCREMENTAL, LOG_BASED or "".
func (s *Stream) ReplicationMethod() string { return "" }
