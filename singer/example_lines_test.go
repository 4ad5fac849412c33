package singer_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"tapline/singer"
)

func ExampleReader() {
	stream := strings.NewReader(`{"type":"SCHEMA","stream":"charges","schema":{"properties":{"id":{}}},"key_properties":["id"]}
{"type":"RECORD","stream":"charges","record":{"id":"ch_1","amount":12.50}}
{"type":"STATE","value":{"bookmarks":{"charges":{"created":"2024-02-29T12:30:00Z"}}}}
`)
	reader := singer.NewReader(stream)
	for {
		message, err := reader.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		switch m := message.(type) {
		case *singer.Schema:
			fmt.Println("schema of", m.Stream, "with the key", m.KeyProperties)
		case *singer.Record:
			fmt.Printf("record of %s: %s\n", m.Stream, m.Record)
		case *singer.State:
			fmt.Printf("state: %s\n", m.Value)
		}
	}
	// Output:
	// schema of charges with the key [id]
	// record of charges: {"id":"ch_1","amount":12.50}
	// state: {"bookmarks":{"charges":{"created":"2024-02-29T12:30:00Z"}}}
}

// One goroutine splits the stream, others can look into the records of its chunks.
func ExampleReader_ReadChunk() {
	stream := strings.Repeat(`{"type":"RECORD","stream":"charges","record":{"id":"ch_1"}}`+"\n", 3) + `{"type":"STATE","value":7}` + "\n"
	splitter, worker := singer.NewReader(strings.NewReader(stream)), &singer.Reader{}
	for {
		chunk, err := splitter.ReadChunk(make([]byte, 0, 1<<20))
		if err != nil {
			break
		}
		if state, ok := chunk.Message.(*singer.State); ok {
			fmt.Printf("line %d: state %s\n", chunk.Line, state.Value)
			continue
		}
		fmt.Printf("line %d: %d records\n", chunk.Line, chunk.Count)
		worker.Reset(chunk)
		for {
			if _, err := worker.Read(); err != nil {
				break
			}
			number, offset := worker.Line()
			fmt.Println("  record in line", number, "behind byte", offset)
		}
	}
	// Output:
	// line 1: 3 records
	//   record in line 1 behind byte 0
	//   record in line 2 behind byte 60
	//   record in line 3 behind byte 120
	// line 4: state 7
}

func ExampleWriter() {
	writer := singer.NewWriter(os.Stdout)
	schema := json.RawMessage(`{"type":"object","properties":{"id":{"type":"string"}}}`)
	writer.WriteSchema(&singer.Schema{Stream: "charges", Schema: schema, KeyProperties: []string{"id"}})
	writer.WriteRecord(&singer.Record{Stream: "charges", Record: json.RawMessage(`{"id":"ch_1"}`)})
	// The first failure sticks, so the last call tells whether everything was written.
	if err := writer.WriteState(singer.State{Value: json.RawMessage(`{"bookmarks":{}}`)}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"type":"SCHEMA","stream":"charges","schema":{"type":"object","properties":{"id":{"type":"string"}}},"key_properties":["id"]}
	// {"type":"RECORD","stream":"charges","record":{"id":"ch_1"}}
	// {"type":"STATE","value":{"bookmarks":{}}}
}

func ExampleCatalog_Select() {
	charges := singer.NewStream("charges", json.RawMessage(`{"properties":{
		"id": {"type": "string"}, "amount": {"type": "integer"},
		"billing_details": {"type": "object", "properties": {"email": {"type": "string"}, "country": {"type": "string"}}}
	}}`), []string{"id"}, "")
	catalog := &singer.Catalog{Streams: []*singer.Stream{charges}}

	if err := catalog.Select([]string{"charges.amuont"}); err != nil {
		fmt.Println(err)
	}
	if err := catalog.Select([]string{"charges.billing_details", "!*.*email*"}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(charges.FieldSelected("id"), charges.FieldSelected("amount"), charges.FieldSelected("billing_details", "country"))
	schema, err := charges.SelectedSchema()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", schema.Schema)
	// Output:
	// select: The pattern "charges.amuont" matches no property: "amuont" is unknown. Did you mean "amount"?
	// true false true
	// {"properties":{"id":{"type":"string"},"billing_details":{"type":"object","properties":{"country":{"type":"string"}}}}}
}
