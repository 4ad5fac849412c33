package duckdb

import "context"

// Loading implements [destination.Watcher]. A process that loads holds the file alone, so as long as this one has it open,
// none does.
func (w *Warehouse) Loading(context.Context, string) (bool, error) { return w.shared, nil }
