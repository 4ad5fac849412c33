package main

import (
	"fmt"

	"tapline/singer"
)

// A job is one selected stream.
type job struct {
	stream  *stream
	schema  *singer.Schema
	records *recordMaker
	size    pageSize

	mark mark     // of an incremental stream
	pass passMark // of any other

	restarted bool // after a cursor was refused
	progress  progress
}

// prepare makes a job of each selected stream, so that a fault in any of them shows before the first request.
func (s *syncer) prepare() error {
	for _, entry := range s.run.Catalog.Streams {
		if !s.settings.wants(entry) {
			if reason := unsupportedReason(entry); reason != "" {
				s.run.Log.Warn("the stream is not read: "+reason, "stream", entry.ID)
			}
			continue
		}
		j, err := s.newJob(entry)
		if err != nil {
			return err
		}
		s.jobs = append(s.jobs, j)
	}
	return nil
}

func (s *syncer) newJob(entry *singer.Stream) (*job, error) {
	st := s.settings.stream(entry.ID)
	if st == nil {
		return nil, &singer.ConfigError{Source: "the catalog", Faults: []string{
			fmt.Sprintf("stream %s is selected, but tap-recharge has no such stream; see --discover for those it has.", entry.ID)}}
	}
	schema, err := s.settings.schema(st, entry)
	if err != nil {
		return nil, err
	}
	records, err := newRecordMaker(st, schema, entry.FieldSelected, s.settings)
	if err != nil {
		return nil, err
	}
	j := &job{stream: st, schema: schema, records: records}
	j.size.most = s.settings.PageSize
	if s.run.Limit > 0 {
		j.size.most = min(j.size.most, s.run.Limit)
	}
	j.size.now = j.size.most
	if st.replicationKey != "" {
		j.mark, err = readMark(s.run.Bookmarks, st)
	} else {
		j.pass, err = readPassMark(s.run.Bookmarks, st)
	}
	return j, err
}

// schema is the SCHEMA message of a stream as this run reads it.
func (s *settings) schema(st *stream, entry *singer.Stream) (*singer.Schema, error) {
	schema, err := entry.SelectedSchema()
	if err != nil {
		return nil, err
	}
	if len(schema.KeyProperties) == 0 { // a catalog without metadata; without a key a target would keep what is read again twice
		schema.KeyProperties = st.keys
	}
	schema.BookmarkProperties = nil
	if st.replicationKey != "" {
		schema.BookmarkProperties = []string{st.replicationKey}
	}
	if s.omits(st) {
		schema.Schema, err = withoutProperties(schema.Schema, tokenFields)
	}
	return schema, err
}
