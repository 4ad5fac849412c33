package singer

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"

	"tapline/internal/rawjson"
)

// The replication methods of Singer.
const (
	fullTable   = "FULL_TABLE"
	incremental = "INCREMENTAL"
)

// Stream is one entry of a catalog: a stream's shape, what is known about it and what of it is selected. Its methods
// may be called by several goroutines; Schema and Metadata must not be changed once one of them has been called.
type Stream struct {
	ID       string          // tap_stream_id, the key of bookmarks and patterns
	Name     string          // stream, the name in messages
	Schema   json.RawMessage // JSON Schema of a record
	Metadata []Metadata

	rest         object // members of the entry that are not known here, legacy ones included
	patterns     *selection
	othersMarked bool // the catalog says of some stream whether it is selected
	built        atomic.Pointer[choice]
}

// Metadata is what is known about a stream (empty Breadcrumb) or about a property of it. Breadcrumb is the path in the
// schema: "properties", "a" for the property a, then "properties", "b" for the property b in it. A step "items" for
// the elements of an array may be left out.
type Metadata struct {
	Breadcrumb []string                   `json:"breadcrumb"`
	Metadata   map[string]json.RawMessage `json:"metadata"`
}

// NewStream describes a stream for discovery. keys are its key properties, replicationKey is the property whose growth
// tells new records from old ones, or "" for a stream that is always read in full. Both are marked as automatic, other
// properties as available; the stream is selected by default. The first entry of Metadata is the stream's own, to
// which a tap may add.
func NewStream(name string, schema json.RawMessage, keys []string, replicationKey string) *Stream {
	own := map[string]json.RawMessage{
		"inclusion":                 rawOf("available"),
		"selected-by-default":       rawOf(true),
		"table-key-properties":      rawOf(append([]string{}, keys...)),
		"forced-replication-method": rawOf(fullTable),
	}
	if replicationKey != "" {
		own["forced-replication-method"] = rawOf(incremental)
		own["valid-replication-keys"] = rawOf([]string{replicationKey})
	}
	s := &Stream{ID: name, Name: name, Schema: schema, Metadata: []Metadata{{[]string{}, own}}}
	for _, p := range propertiesOf(schema, 1).fields {
		inclusion := "available"
		if slices.Contains(keys, p.name) || p.name == replicationKey {
			inclusion = "automatic"
		}
		s.Metadata = append(s.Metadata, Metadata{
			Breadcrumb: []string{"properties", p.name},
			Metadata:   map[string]json.RawMessage{"inclusion": rawOf(inclusion)},
		})
	}
	return s
}

// rawOf marshals a string, a bool or a list of strings, which cannot fail.
func rawOf(value any) json.RawMessage {
	raw, _ := json.Marshal(value)
	return raw
}

// parse reads the entry with that number; faults are placed by the stream's name.
func (s *Stream) parse(text []byte, number int, faults *faultList) {
	var err error
	if s.rest, err = parseObject(text); err != nil {
		faults.add("The entry %d of \"streams\" is not a JSON object.", number)
		return
	}
	s.ID, s.Name = stringOf(s.rest.take("tap_stream_id")), stringOf(s.rest.take("stream"))
	if s.ID == "" {
		s.ID = s.Name
	}
	if s.Name == "" {
		s.Name = s.ID
	}
	if s.ID == "" {
		faults.add(`The entry %d of "streams" names no stream: "tap_stream_id" and "stream" are missing.`, number)
	}
	if s.Schema = s.rest.take("schema"); rawjson.KindOf(s.Schema) != rawjson.Object {
		faults.add(`Stream %s: "schema" is missing or not a JSON object.`, s.ID)
	}
	metadata := s.rest.take("metadata")
	if metadata == nil {
		return
	}
	if err := json.Unmarshal(metadata, &s.Metadata); err != nil {
		faults.add(`Stream %s: "metadata" is not a list of entries like {"breadcrumb": [...], "metadata": {...}}.`, s.ID)
	}
	for _, m := range s.Metadata {
		m.check(s.ID, faults)
	}
}

// check finds values that selection would otherwise have to ignore.
func (m Metadata) check(stream string, faults *faultList) {
	where := "Stream " + stream
	for _, name := range pathOf(m.Breadcrumb) {
		where += "." + name
	}
	for _, key := range []string{"selected", "selected-by-default"} {
		kind := rawjson.KindOf(m.Metadata[key])
		if kind != rawjson.Bool && kind != rawjson.Null && kind != rawjson.Invalid {
			faults.add("%s: %q is neither true nor false: %s.", where, key, excerpt(m.Metadata[key]))
		}
	}
	switch value := m.Metadata["inclusion"]; string(value) {
	case "", "null", `"available"`, `"automatic"`, `"unsupported"`:
	default:
		faults.add(`%s: "inclusion" is none of available, automatic, unsupported: %s.`, where, excerpt(value))
	}
}

// MarshalJSON writes the catalog entry, unknown members included.
func (s *Stream) MarshalJSON() ([]byte, error) { return s.append(nil) }

func (s *Stream) append(out []byte) ([]byte, error) {
	out = append(out, '{')
	out = appendMember(out, "tap_stream_id", rawOf(s.ID))
	out = appendMember(out, "stream", rawOf(s.Name))
	for _, m := range s.rest {
		out = appendMember(out, m.name, m.value)
	}
	if len(s.Schema) > 0 {
		out = appendMember(out, "schema", s.Schema)
	}
	if s.Metadata == nil {
		return append(out, '}'), nil
	}
	metadata, err := json.Marshal(s.Metadata)
	if err != nil {
		return nil, fmt.Errorf("writing the metadata of stream %s: %w", s.ID, err)
	}
	return append(appendMember(out, "metadata", metadata), '}'), nil
}

// MarkUnsupported says during discovery that the stream cannot be read and is never selected; reason is for people,
// such as a permission that the key lacks.
func (s *Stream) MarkUnsupported(reason string) {
	at := slices.IndexFunc(s.Metadata, func(m Metadata) bool { return len(m.Breadcrumb) == 0 })
	if at < 0 {
		at = 0
		s.Metadata = slices.Insert(s.Metadata, 0, Metadata{[]string{}, map[string]json.RawMessage{}})
	}
	s.Metadata[at].Metadata["inclusion"] = rawOf("unsupported")
	s.Metadata[at].Metadata["unsupported-reason"] = rawOf(reason)
	s.built.Store(nil)
}

// about returns a member of the stream's own metadata, or nil if it is absent or null.
func (s *Stream) about(key string) json.RawMessage {
	for _, m := range slices.Backward(s.Metadata) {
		if value := m.Metadata[key]; len(m.Breadcrumb) == 0 && value != nil && string(value) != "null" {
			return value
		}
	}
	return nil
}

// KeyProperties returns the names of the properties that identify a record: for a view view-key-properties, for a table
// table-key-properties; else what older catalogs say in key_properties. It is empty for a stream without a key.
func (s *Stream) KeyProperties() []string {
	isView := string(s.about("is-view")) == "true" || string(s.rest.get("is_view")) == "true"
	if keys := s.about("view-key-properties"); isView && keys != nil {
		return stringsOf(keys)
	}
	if keys := s.about("table-key-properties"); keys != nil {
		return stringsOf(keys)
	}
	return stringsOf(s.rest.get("key_properties"))
}

// ReplicationKey returns the name of the property that tells new records from old ones: replication-key, as the user
// or an older catalog chose it, else the only one or first of valid-replication-keys; "" for a stream without one.
func (s *Stream) ReplicationKey() string {
	if key := stringOf(s.about("replication-key")); key != "" {
		return key
	}
	if key := stringOf(s.rest.get("replication_key")); key != "" {
		return key
	}
	if keys := stringsOf(s.about("valid-replication-keys")); len(keys) > 0 {
		return keys[0]
	}
	return ""
}

// ReplicationMethod returns FULL_TABLE, INCREMENTAL or LOG_BASED: forced-replication-method, else what the user chose;
// "" if nobody did.
func (s *Stream) ReplicationMethod() string {
	for _, value := range []json.RawMessage{
		s.about("forced-replication-method"), s.about("replication-method"), s.rest.get("replication_method"),
	} {
		if method := stringOf(value); method != "" {
			return method
		}
	}
	return ""
}
