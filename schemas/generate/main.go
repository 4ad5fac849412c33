// Command generate writes the JSON Schemas of Stripe's streams from Stripe's OpenAPI document of API version 2023-10-16,
// which the module github.com/stripe/stripe-mock carries. It is run by "go generate ./schemas" and needs no network.
//
// What is generated is listed in streams.go, how a schema is converted in convert.go and node.go, and where the document
// is corrected in overrides.json.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stripe/stripe-mock/embedded"
)

// maxFileSize bounds a generated file, in bytes. A schema that grows past it is no longer something to read or to send
// at the head of a stream.
const maxFileSize = 1 << 20

func main() {
	dir := flag.String("dir", "stripe", "folder that the files are written to; other .json files in it are removed")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	overrides, err := parseOverrides(overridesFile)
	if err != nil {
		return err
	}
	files, err := generate(embedded.OpenAPISpec, streams, overrides)
	if err != nil {
		return err
	}
	return writeFiles(dir, files)
}

// generate returns the content of every file by its name.
func generate(openAPI []byte, streams []source, overrides []override) (map[string][]byte, error) {
	doc, err := parseDocument(openAPI)
	if err != nil {
		return nil, err
	}
	for _, o := range overrides {
		if err := o.apply(doc); err != nil {
			return nil, err
		}
	}
	used := map[string]bool{}
	files := map[string][]byte{}
	for _, s := range streams {
		converter := &converter{doc: doc, used: used}
		content, err := generateStream(converter, s)
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", s.Stream, err)
		}
		files[s.Stream+".json"] = content
	}
	for _, o := range overrides {
		if o.Path == "" && !used[o.Component] {
			return nil, fmt.Errorf("%s: no stream contains this component; remove the override", o)
		}
	}
	return files, nil
}

// generateStream returns the content of one stream's file, in the form that the package schemas reads.
func generateStream(c *converter, s source) ([]byte, error) {
	if err := s.check(c.doc); err != nil {
		return nil, err
	}
	record, err := c.record(s)
	if err != nil {
		return nil, err
	}
	compact, err := json.Marshal(struct {
		Name           string   `json:"name"`
		Object         string   `json:"object"`
		Aliases        []string `json:"aliases,omitempty"`
		KeyProperties  []string `json:"key_properties"`
		ReplicationKey string   `json:"replication_key"`
		Schema         *node    `json:"schema"`
	}{s.Stream, s.Object, s.Aliases, s.key(), s.Cursor, record})
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	if err := layout(&content, compact, ""); err != nil {
		return nil, err
	}
	content.WriteByte('\n')
	if content.Len() > maxFileSize {
		return nil, fmt.Errorf("the schema has %d bytes, more than %d", content.Len(), maxFileSize)
	}
	return content.Bytes(), nil
}

// writeFiles makes the .json files of a folder be exactly the given ones.
func writeFiles(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	present, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	for _, path := range present {
		if files[filepath.Base(path)] == nil {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
