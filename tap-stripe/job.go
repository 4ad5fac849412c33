package main

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"tapline/schemas"
	"tapline/singer"
)

// A job is one selected stream of one account, or one that is not selected but has to be read for its child streams.
type job struct {
	stream  *stream
	account string // the connected account; "": that of the settings
	silent  bool   // read for its children, and not written
	schema  *singer.Schema
	records *recordShop // nil if silent
	// mark is the bookmark. Child streams are covered by that of their root, and theirs only says so.
	mark     *bookmark // guarded by syncer.mu while the run goes on
	state    string    // what the state calls the stream; "": by its name
	children []*job    // selected child streams, and those with selected children
	version  int64     // of a table that is read whole; 0: records have none
	// off tells that Stripe does not show the stream to this account, so that nothing asks for it any more.
	off *atomic.Bool
}

// key is what the state calls the job.
func (j *job) key() string {
	if j.state != "" {
		return stateKey(j.state, j.account)
	}
	return stateKey(j.stream.name, j.account)
}

// stateKey is what the state calls a stream of an account.
func stateKey(stream, account string) string {
	if account == "" {
		return stream
	}
	return stream + "@" + account
}

// deepestExpand is how many members the path of an expansion may have. https://docs.stripe.com/expand
const deepestExpand = 4

// expand lists what objects of the job are to be asked for with: the stream's own wishes, and the lists that its
// children come from, or that theirs come from as far as that can be asked for.
func (j *job) expand() []string {
	paths := slices.Clone(j.stream.expand)
	add := func(path string) {
		if !slices.Contains(paths, path) && strings.Count(path, ".") < deepestExpand {
			paths = append(paths, path)
		}
	}
	for _, child := range j.children {
		p := child.stream.parent
		if p.expanded {
			add("data." + p.embedded)
		}
		if p.embedded == "" || p.path == "" {
			continue
		}
		for _, path := range child.expand() {
			add("data." + p.embedded + "." + path)
		}
	}
	return paths
}

// shortened lists where objects of the job show, because they were asked to, objects in the place of their ids. Records
// have the ids.
func (j *job) shortened() (paths [][]string) {
	for _, child := range j.children {
		p := child.stream.parent
		switch {
		case p.embedded == "":
		case p.path == "" && p.expanded:
			paths = append(paths, []string{p.embedded})
		case p.path != "":
			for _, path := range child.shortened() {
				paths = append(paths, append([]string{p.embedded, "data"}, path...))
			}
		}
	}
	return paths
}

// tree lists a job and all below it.
func (j *job) tree() []*job {
	all := []*job{j}
	for _, child := range j.children {
		all = append(all, child.tree()...)
	}
	return all
}

// A pick is what was selected of a stream. It serves all accounts.
type pick struct {
	stream  *stream
	schema  *singer.Schema
	records *recordShop
}

// picks prepares all selected streams, so that a fault in any of them shows before the first request.
func (s *syncer) picks() ([]pick, error) {
	var picks []pick
	for _, entry := range s.run.Catalog.Streams {
		if !entry.Selected() {
			continue
		}
		st := findStream(entry.ID)
		if st == nil {
			return nil, &singer.ConfigError{Source: "the catalog", Faults: []string{
				fmt.Sprintf("stream %s is selected, but tap-stripe has no such stream; see --discover for those it has.", entry.ID)}}
		}
		schema, err := entry.SelectedSchema()
		if err != nil {
			return nil, err
		}
		if len(schema.KeyProperties) == 0 { // a catalog without metadata; without a key a target would keep what is read again twice
			known, err := schemas.StripeStream(st.name)
			if err != nil {
				return nil, err
			}
			schema.KeyProperties = known.KeyProperties
		}
		records, err := newRecordShop(st, schema, entry.FieldSelected)
		if err != nil {
			return nil, err
		}
		picks = append(picks, pick{st, schema, records})
	}
	return picks, nil
}

// jobsOf makes the jobs of one account: those of the selected streams, and of the streams on which these hang.
func (s *syncer) jobsOf(account string, picks []pick) ([]*job, error) {
	var jobs []*job
	byName := map[string]*job{}
	for _, p := range picks {
		j := &job{stream: p.stream, account: account, schema: p.schema, records: p.records, mark: &bookmark{}, off: &atomic.Bool{}}
		jobs, byName[p.stream.name] = append(jobs, j), j
	}
	for _, j := range slices.Clone(jobs) {
		for st := j.stream; st.parent != nil; st = findStream(st.parent.stream) {
			parent, known := byName[st.parent.stream]
			if !known {
				var err error
				if parent, err = silentJob(findStream(st.parent.stream), account); err != nil {
					return nil, err
				}
				jobs, byName[st.parent.stream] = append(jobs, parent), parent
			}
			if child := byName[st.name]; !slices.Contains(parent.children, child) {
				parent.children = append(parent.children, child)
			}
		}
	}
	for _, j := range jobs {
		if j.stream.parent == nil {
			var err error
			if j.mark, err = readBookmark(s.run.Bookmarks, j.stream, j.key()); err != nil {
				return nil, err
			}
		}
	}
	return jobs, nil
}

// silentJob makes the job of a stream that is read for its children alone. Its bookmark has a name of its own, for it
// does not promise that the stream's own objects were written.
func silentJob(st *stream, account string) (*job, error) {
	known, err := schemas.StripeStream(st.name)
	if err != nil {
		return nil, err
	}
	schema := &singer.Schema{Stream: st.name, Schema: known.Schema, KeyProperties: known.KeyProperties}
	return &job{stream: st, account: account, silent: true, schema: schema, mark: &bookmark{}, state: st.name + ".children", off: &atomic.Bool{}}, nil
}
