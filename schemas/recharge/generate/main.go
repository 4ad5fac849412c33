// Command generate writes the JSON Schemas of Recharge's streams and the page that lists their fields for people. There is
// no machine-readable description of the API, so what it writes is what stands in streams.go, with the shapes of shapes.go
// written out wherever they occur. It is run by "go generate ./schemas".
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", "recharge", "folder that the schemas are written to")
	docs := flag.String("docs", "../docs", "folder that the page of fields is written to")
	flag.Parse()
	if err := run(*dir, *docs); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// pageName is the file of the page of fields.
const pageName = "recharge-fields.md"

func run(dir, docs string) error {
	for _, s := range streams {
		content, err := s.file()
		if err != nil {
			return fmt.Errorf("stream %s: %w", s.name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, s.name+".json"), content, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(docs, pageName), page(streams), 0o644)
}

// file returns the content of the stream's file, in the form that package schemas reads.
func (s stream) file() ([]byte, error) {
	record, err := s.record.keyed(s.keys)
	if err != nil {
		return nil, err
	}
	if s.replication != "" && record.properties[s.replication] != instant {
		return nil, fmt.Errorf("the replication key %q is not described as a time", s.replication)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"name\": %q,\n  \"key_properties\": %s,\n  \"replication_key\": %q,\n  \"schema\": ",
		s.name, quoted(s.keys), s.replication)
	record.write(&b, s.keys, "  ")
	b.WriteString("\n}\n")
	return b.Bytes(), nil
}
