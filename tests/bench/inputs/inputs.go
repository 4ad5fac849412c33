// Package inputs writes the rows that loads are measured on: as a Singer stream, as bare JSON and as CSV.
package inputs

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"

	"tapline/internal/rawjson"
)

// Input is a stream of rows. The same input, seed and number of rows always give the same bytes.
type Input struct {
	Name    string // of the stream and its table
	Rows    int    // at full scale
	Columns []Column
	// Mark is a column of text that tells the two generations of every row apart; all else in them is the same.
	Mark  string
	Marks [2]string
	// row appends row i as a JSON object with all columns in their order.
	row func(b []byte, i int, mark string, rnd *rand.Rand) []byte
}

// Column is a property of the records. The first one of an Input is the key.
type Column struct{ Name, Schema string }

// The schemas of properties that may be null.
const (
	text    = `{"type":["null","string"]}`
	integer = `{"type":["null","integer"]}`
	float   = `{"type":["null","number"]}`
	boolean = `{"type":["null","boolean"]}`
	moment  = `{"type":["null","string"],"format":"date-time"}`
	object  = `{"type":["null","object"]}`
	array   = `{"type":["null","array"]}`
)

// All lists the inputs: small rows in great number, rows of everyday size, rows of many columns, and nested ones.
var All = []*Input{Charges, Narrow, Wide, Nested}

const seed = 1

// WriteStream writes a SCHEMA, n RECORD lines and a STATE every 100 records.
func (in *Input) WriteStream(w io.Writer, n, generation int) error {
	out := bufio.NewWriterSize(w, 1<<20)
	fmt.Fprintf(out, `{"type":"SCHEMA","stream":%q,"key_properties":[%q],"schema":{"type":"object","properties":{`, in.Name, in.Columns[0].Name)
	for i, c := range in.Columns {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(out, "%q:%s", c.Name, c.Schema)
	}
	fmt.Fprintln(out, `}}}`)
	start := fmt.Sprintf(`{"type":"RECORD","stream":%q,"record":`, in.Name)
	i := 0
	err := in.each(n, generation, func(record []byte) error {
		out.WriteString(start)
		out.Write(record)
		_, err := out.WriteString(`,"time_extracted":"2026-01-01T00:00:00Z"}` + "\n")
		if i++; i%100 == 0 || i == n {
			_, err = fmt.Fprintf(out, `{"type":"STATE","value":{"bookmarks":{%q:{"rows":%d}}}}`+"\n", in.Name, i)
		}
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// WriteRecords writes the same rows bare, one JSON object a line, for loaders that do not speak Singer.
func (in *Input) WriteRecords(w io.Writer, n, generation int) error {
	out := bufio.NewWriterSize(w, 1<<20)
	err := in.each(n, generation, func(record []byte) error {
		out.Write(record)
		return out.WriteByte('\n')
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// WriteCSV writes the same rows as CSV without a header: NULL as nothing, texts in quotes, nested values as JSON.
func (in *Input) WriteCSV(w io.Writer, n, generation int) error {
	out := bufio.NewWriterSize(w, 1<<20)
	var m rawjson.Members
	var line []byte
	err := in.each(n, generation, func(record []byte) error {
		line = line[:0]
		for m.Reset(record); m.Next(); {
			line = append(appendField(line, m.Value), ',')
		}
		line[len(line)-1] = '\n'
		_, err := out.Write(line)
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

func appendField(line, value []byte) []byte {
	switch rawjson.KindOf(value) {
	case rawjson.Null:
		return line
	case rawjson.String:
		value, _ = rawjson.Text(value, nil, true)
	case rawjson.Object, rawjson.Array:
	default:
		return append(line, value...)
	}
	line = append(line, '"')
	line = append(line, bytes.ReplaceAll(value, []byte(`"`), []byte(`""`))...)
	return append(line, '"')
}

// each makes the rows and stops at the first failure of use.
func (in *Input) each(n, generation int, use func(record []byte) error) error {
	rnd := rand.New(rand.NewPCG(seed, 0))
	var record []byte
	for i := range n {
		record = in.row(record[:0], i, in.Marks[generation], rnd)
		if err := use(record); err != nil {
			return err
		}
	}
	return nil
}

func pick(rnd *rand.Rand, of ...string) string { return of[rnd.IntN(len(of))] }
