package singer

import (
	"context"
	"errors"
	"io"
)

// errTried ends a Sync that has shown a record of every stream.
var errTried = errors.New("every stream was tried")

// try is --test: it writes the schemas of the selected streams alone, or runs Sync and passes on its schemas and the first
// record of each stream. It passes on no state, for a state would speak of records that are not there.
func (t *Tap) try(ctx context.Context, s *session, run *Run) error {
	if s.flags.test == "schema" {
		return writeSchemas(run)
	}
	run.Limit = 1
	out := run.Out
	source, sink := io.Pipe()
	run.Out = NewWriter(sink)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	passed := make(chan error, 1)
	go func() {
		err := passFirsts(NewReader(source), out, run.Catalog.selected(), func() { cancel(errTried) })
		source.CloseWithError(err)
		passed <- err
	}()
	err := t.Sync(ctx, run)
	if flushed := run.Out.Flush(); err == nil {
		err = flushed
	}
	sink.Close()
	if failed := <-passed; failed != nil {
		return failed
	}
	if errors.Is(context.Cause(ctx), errTried) {
		return nil
	}
	return err
}

func writeSchemas(run *Run) error {
	for _, stream := range run.Catalog.selected() {
		schema, err := stream.SelectedSchema()
		if err != nil {
			return err
		}
		if err := run.Out.WriteSchema(schema); err != nil {
			return err
		}
	}
	return run.Out.Flush()
}

// passFirsts copies schemas and the first record of each stream, and calls enough when all streams have had one. It reads
// to the end in any case, so that the writer is not held up.
func passFirsts(in *Reader, out *Writer, streams []*Stream, enough func()) error {
	waiting := map[string]bool{}
	for _, stream := range streams {
		waiting[stream.Name] = true
	}
	for {
		m, err := in.Read()
		if err == io.EOF {
			return out.Flush()
		}
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *Schema:
			err = out.WriteSchema(m)
		case *Record:
			if !waiting[m.Stream] {
				continue
			}
			delete(waiting, m.Stream)
			if err = out.WriteRecord(m); err == nil && len(waiting) == 0 {
				enough()
			}
		}
		if err != nil {
			return err
		}
	}
}
