package singer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"tapline/singer"
)

// A whole tap. As a program it ends with: func main() { os.Exit(tap.Main()) }
func ExampleTap() {
	days := json.RawMessage(`{"type":"object","properties":{"day":{"type":"string","format":"date"}}}`)
	tap := singer.Tap{
		Name: "tap-days",
		Discover: func(context.Context, *singer.Run) (*singer.Catalog, error) {
			return &singer.Catalog{Streams: []*singer.Stream{singer.NewStream("days", days, []string{"day"}, "day")}}, nil
		},
		Sync: func(ctx context.Context, run *singer.Run) error {
			run.Out.WriteSchema(&singer.Schema{Stream: "days", Schema: days, KeyProperties: []string{"day"}})
			for _, day := range []string{"2024-02-28", "2024-02-29"} {
				run.Out.WriteRecord(&singer.Record{Stream: "days", Record: fmt.Appendf(nil, `{"day":%q}`, day)})
				run.Bookmarks.Advance("days", "day", day)
			}
			return run.Out.WriteState(run.Bookmarks.State())
		},
	}
	tap.Run(context.Background(), nil, singer.IO{Out: os.Stdout})
	// Output:
	// {"type":"SCHEMA","stream":"days","schema":{"type":"object","properties":{"day":{"type":"string","format":"date"}}},"key_properties":["day"]}
	// {"type":"RECORD","stream":"days","record":{"day":"2024-02-28"}}
	// {"type":"RECORD","stream":"days","record":{"day":"2024-02-29"}}
	// {"type":"STATE","value":{"bookmarks":{"days":{"day":"2024-02-29"}}}}
}

// A whole target. As a program it ends with: func main() { os.Exit(target.Main()) }
func ExampleTarget() {
	target := singer.Target{
		Name: "target-count",
		Load: func(ctx context.Context, run *singer.TargetRun) error {
			for {
				message, err := run.In.Read()
				if err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
				switch m := message.(type) {
				case *singer.Record:
					run.Metrics.Records(m.Stream, 1)
				case *singer.State:
					run.Out.WriteValue(m.Value)
				}
			}
		},
	}
	in := strings.NewReader(`{"type":"SCHEMA","stream":"days","schema":{"properties":{"day":{}}},"key_properties":["day"]}
{"type":"RECORD","stream":"days","record":{"day":"2024-02-29"}}
{"type":"STATE","value":{"bookmarks":{"days":{"day":"2024-02-29"}}}}
`)
	target.Run(context.Background(), nil, singer.IO{In: in, Out: os.Stdout})
	// Output:
	// {"bookmarks":{"days":{"day":"2024-02-29"}}}
}
