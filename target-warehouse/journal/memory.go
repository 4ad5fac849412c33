package journal

import (
	"context"
	"encoding/json"
	"fmt"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// Memory is what a warehouse remembers of a pipeline. The zero value is that of a pipeline which never ran.
type Memory struct {
	// Fence is that of the newest commit. A run that takes over commits with a greater one.
	Fence int64
	State json.RawMessage // the newest, byte for byte; nil if there is none

	HasRun      bool   // tells whether a run of the pipeline is recorded
	Integration string // of the newest run

	Tables  map[string]Table              // by stream; of several, the one that was loaded last
	Loaded  map[[2]string]Table           // by schema and name: what was loaded last into a table, by whichever pipeline
	Filled  map[[2]string]map[string]bool // by schema and name: the paths of values that a table was made from, by whichever pipeline
	Columns map[string]map[string]Column  // by stream and name of the column
	Names   map[string]map[string]string  // by stream and path of a value: the name of its column
}

// Recall reads what the warehouse remembers of a pipeline.
func Recall(ctx context.Context, d destination.Destination, pipeline string) (*Memory, error) {
	m := &Memory{Tables: map[string]Table{}, Loaded: map[[2]string]Table{}, Filled: map[[2]string]map[string]bool{}, Columns: map[string]map[string]Column{}, Names: map[string]map[string]string{}}
	states, err := States(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, s := range states {
		if s.Pipeline == pipeline {
			m.Fence, m.State = s.Fence, s.State
		}
	}
	run, err := newestRun(ctx, d, pipeline)
	if err != nil {
		return nil, err
	}
	if run != nil {
		m.HasRun, m.Integration = true, run.Integration
	}
	tables, err := Tables(ctx, d)
	if err != nil {
		return nil, err
	}
	places := map[[2]string][][2]string{} // by pipeline and stream
	for _, t := range tables {
		of := [2]string{t.Pipeline, t.Stream}
		places[of] = append(places[of], [2]string{t.Schema, t.Name})
		if known, ok := m.Tables[t.Stream]; t.Pipeline == pipeline && (!ok || t.LastLoadedAt.After(known.LastLoadedAt)) {
			m.Tables[t.Stream] = t
		}
		if place := [2]string{t.Schema, t.Name}; t.LastLoadedAt.After(m.Loaded[place].LastLoadedAt) {
			m.Loaded[place] = t
		}
	}
	columns, err := Columns(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, c := range columns {
		if c.Pipeline == pipeline {
			m.addColumn(c)
		}
		for _, place := range places[[2]string{c.Pipeline, c.Stream}] {
			m.fill(place, c.Path)
		}
	}
	return m, nil
}

// addColumn notes a column. A path that several rows name keeps the name it was given first.
func (m *Memory) addColumn(c Column) {
	if m.Columns[c.Stream] == nil {
		m.Columns[c.Stream], m.Names[c.Stream] = map[string]Column{}, map[string]string{}
	}
	columns, names := m.Columns[c.Stream], m.Names[c.Stream]
	columns[c.Name] = c
	if c.Path == table.OwnPath {
		return
	}
	if known, ok := names[c.Path]; !ok || c.FirstSeenAt.Before(columns[known].FirstSeenAt) {
		names[c.Path] = c.Name
	}
}

// fill notes the path of values in a table.
func (m *Memory) fill(place [2]string, path string) {
	if m.Filled[place] == nil {
		m.Filled[place] = map[string]bool{}
	}
	if path != table.OwnPath {
		m.Filled[place][path] = true
	}
}

// CheckIntegration refuses another integration name than the one that the pipeline's tables bear. name is "" for none.
func (m *Memory) CheckIntegration(name string) error {
	if len(m.Tables) == 0 || !m.HasRun || m.Integration == name {
		return nil
	}
	if m.Integration == "" {
		return fmt.Errorf("integration_name is %q, but this pipeline's tables were made without one, and it cannot change; "+
			"take it out, or give the pipeline another name to load into new tables", name)
	}
	return fmt.Errorf("integration_name is %q, but this pipeline's tables were made with %q, and it cannot change; "+
		"set it back, or give the pipeline another name to load into new tables", name, m.Integration)
}

// newestRun finds the newest run of a pipeline, or nil. Most often that is among the newest of all.
func newestRun(ctx context.Context, d destination.Destination, pipeline string) (*Run, error) {
	for _, newest := range []int{32, 0} {
		runs, err := Runs(ctx, d, newest)
		if err != nil {
			return nil, err
		}
		for _, r := range runs {
			if r.Pipeline == pipeline {
				return &r, nil
			}
		}
		if len(runs) < newest {
			return nil, nil
		}
	}
	return nil, nil
}
