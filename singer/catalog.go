package singer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"tapline/internal/rawjson"
)

// Catalog lists the streams a tap offers and says what of them is selected: by metadata, by the marks that older
// catalogs use instead, or by patterns ([Catalog.Select]).
//
// https://github.com/singer-io/getting-started/blob/master/docs/DISCOVERY_MODE.md
type Catalog struct {
	Streams []*Stream

	rest object // members of the document that are not known here
}

// ParseCatalog reads a catalog, or the properties file of an older tap. What it does not know it keeps for
// [Catalog.MarshalJSON]. A failure is a [*ConfigError] that lists all faults.
func ParseCatalog(data []byte) (*Catalog, error) {
	c := &Catalog{}
	faults := faultList{}
	c.parse(bytes.Clone(bytes.TrimPrefix(data, byteOrderMark)), &faults)
	if len(faults) > 0 {
		return nil, &ConfigError{Source: "catalog", Faults: faults}
	}
	return c, nil
}

// faultList collects sentences about what is wrong.
type faultList []string

func (f *faultList) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

func (c *Catalog) parse(data []byte, faults *faultList) {
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		faults.add("It is not JSON: %v%s.", err, placeOf(data, err))
		return
	}
	var err error
	if c.rest, err = parseObject(whole); err != nil {
		faults.add(`It is not a JSON object; a catalog looks like {"streams": [...]}.`)
		return
	}
	streams := c.rest.take("streams")
	if rawjson.KindOf(streams) != rawjson.Array {
		faults.add(`"streams" is missing or not a list; a catalog looks like {"streams": [...]}.`)
		return
	}
	seen, marked := map[string]bool{}, false
	for i, text := range elements(streams) {
		s := &Stream{}
		s.parse(text, i+1, faults)
		if s.ID != "" && seen[s.ID] {
			faults.add("The stream %s stands in the catalog twice.", s.ID)
		}
		seen[s.ID] = true
		marked = marked || s.choices().selected != unsaid
		c.Streams = append(c.Streams, s)
	}
	for _, s := range c.Streams {
		s.othersMarked = marked
	}
}

// placeOf returns where in a text a syntax error of encoding/json stands, as the end of a sentence.
func placeOf(data []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	before := data[:min(int(syntax.Offset), len(data))]
	line := bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n') - 1
	return fmt.Sprintf(" (line %d, column %d)", line+1, column)
}

// Stream returns the stream whose tap_stream_id is name, else the one whose stream name it is, else nil.
func (c *Catalog) Stream(name string) *Stream {
	for _, s := range c.Streams {
		if s.ID == name {
			return s
		}
	}
	for _, s := range c.Streams {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// MarshalJSON writes the catalog as it was parsed or built, unknown members included. Patterns given to
// [Catalog.Select] do not show in it.
func (c *Catalog) MarshalJSON() ([]byte, error) {
	out := append([]byte{'{'}, `"streams":[`...)
	for i, s := range c.Streams {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = s.append(out); err != nil {
			return nil, err
		}
	}
	out = append(out, ']')
	for _, m := range c.rest {
		out = appendMember(out, m.name, m.value)
	}
	return append(out, '}'), nil
}
