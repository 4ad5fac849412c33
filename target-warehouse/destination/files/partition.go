package files

import (
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/target-warehouse/table"
)

// folderName is that of a period's folder, which readers make a column of. It has no underscore in front, unlike columns of
// tapline's: Arrow, and with it pandas, and the engines that go by Hive's rules silently leave out what lies below such names.
func folderName(period, value string) string { return "sdc_" + period + "=" + value + "/" }

// noPeriod is the folder's value for rows without a moment, as Hive has it.
const noPeriod = "__HIVE_DEFAULT_PARTITION__"

var periodLayouts = map[string]string{"day": "2006-01-02", "month": "2006-01", "year": "2006"}

const microsOfDay = 24 * 60 * 60 * 1_000_000

// warnUnpartitioned tells, once for each stream, that a table has no column that decides about folders.
func (w *Warehouse) warnUnpartitioned(t *table.Table) {
	if w.unpartitioned[t.Stream] {
		return
	}
	w.unpartitioned[t.Stream] = true
	name, why := w.config.PartitionColumn, "the table has no such column"
	for _, c := range t.Columns {
		if c.Name == name {
			why = fmt.Sprintf("it is %s and neither a moment nor a date", c.Type)
		}
	}
	w.config.Log.Warn("the table is not partitioned: its files lie in one folder", "stream", t.Stream, "table", folder(t), "partition_column", name, "reason", why)
}

// split parts the rows of a batch by the period of one of its columns. The result has for each folder, such as
// sdc_day=2026-03-04/, the columns with its rows in their order; the caller releases them.
func split(columns []arrow.Array, by arrow.Array, period string) (folders []string, parts map[string][]arrow.Array, err error) {
	runs := map[string][][2]int64{}
	last, start := "", int64(0)
	note := func(end int64) {
		if end > start {
			if runs[last] == nil {
				folders = append(folders, last)
			}
			runs[last] = append(runs[last], [2]int64{start, end})
		}
		start = end
	}
	name := periodNames(by, period)
	for i := range by.Len() {
		if folder := name(i); folder != last {
			note(int64(i))
			last = folder
		}
	}
	note(int64(by.Len()))
	parts = map[string][]arrow.Array{}
	for folder, ranges := range runs {
		for _, c := range columns {
			rows, err := gather(c, ranges)
			if err != nil {
				return nil, nil, err
			}
			parts[folder] = append(parts[folder], rows)
		}
	}
	slices.Sort(folders)
	return folders, parts, nil
}

// periodNames returns a function that names the folder of a row.
func periodNames(by arrow.Array, period string) func(i int) string {
	names := map[int64]string{} // by the day since 1970
	return func(i int) string {
		if by.IsNull(i) {
			return folderName(period, noPeriod)
		}
		var day int64
		switch values := by.(type) {
		case *array.Timestamp:
			micros := int64(values.Value(i))
			day = micros / microsOfDay
			if micros%microsOfDay < 0 {
				day--
			}
		case *array.Date32:
			day = int64(values.Value(i))
		}
		name, ok := names[day]
		if !ok {
			at := time.UnixMicro(0).UTC().AddDate(0, 0, int(day))
			name = folderName(period, at.Format(periodLayouts[period]))
			names[day] = name
		}
		return name
	}
}

// gather makes one array of ranges of another.
func gather(values arrow.Array, ranges [][2]int64) (arrow.Array, error) {
	if len(ranges) == 1 {
		return array.NewSlice(values, ranges[0][0], ranges[0][1]), nil
	}
	var slicesOf []arrow.Array
	for _, r := range ranges {
		s := array.NewSlice(values, r[0], r[1])
		defer s.Release()
		slicesOf = append(slicesOf, s)
	}
	return array.Concatenate(slicesOf, memory.DefaultAllocator)
}
