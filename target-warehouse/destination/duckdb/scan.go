package duckdb

/*
#include <stdlib.h>

// The Arrow C stream interface (https://arrow.apache.org/docs/format/CStreamInterface.html).
struct ArrowArrayStream {
	int (*get_schema)(struct ArrowArrayStream*, void*);
	int (*get_next)(struct ArrowArrayStream*, void*);
	const char* (*get_last_error)(struct ArrowArrayStream*);
	void (*release)(struct ArrowArrayStream*);
	void* private_data;
};

static void free_stream(struct ArrowArrayStream* stream) {
	if (stream->release) stream->release(stream);
	free(stream);
}

// Declared as in duckdb.h; the driver links the library that defines it. The driver itself calls it only under the
// build tag duckdb_arrow and for another major version of Arrow.
int duckdb_arrow_scan(void* connection, const char* view, void* stream);
*/
import "C"

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/cdata"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"tapline/target-warehouse/table"
)

// rowsView is the view through which a statement reads the batches. Its columns are named by position (see position),
// with table.Ordinal behind them. It can be read once. DuckDB makes such views in the schema main only, so it is made
// and dropped again within the transaction, and nobody else ever sees it.
const rowsView = "_singer_rows"

// position names the column of rowsView that carries the i-th column of a table.
func position(i int) string { return "c" + strconv.Itoa(i) }

// jsonText marks a text column as Arrow's JSON type. DuckDB then takes the text as a value of its type JSON as it
// stands; from plain text it would parse every value once more.
var jsonText = arrow.NewMetadata([]string{"ARROW:extension:name", "ARROW:extension:metadata"}, []string{"arrow.json", ""})

// schemaOf is the Arrow schema of rowsView for the columns of t with the given indexes.
func schemaOf(t *table.Table, columns []int) *arrow.Schema {
	var fields []arrow.Field
	for _, i := range columns {
		f := arrow.Field{Name: position(i), Type: t.Columns[i].Type.Arrow(), Nullable: true}
		if t.Columns[i].Type == table.JSON {
			f.Metadata = jsonText
		}
		fields = append(fields, f)
	}
	fields = append(fields, arrow.Field{Name: table.Ordinal, Type: arrow.PrimitiveTypes.Int64})
	return arrow.NewSchema(fields, nil)
}

// withRows lends the given columns of the batches, and the ordinals, to DuckDB as rowsView while f runs. The statement
// must read every one of them: DuckDB leaves out a column that is not read and then takes the next one's values for it.
func (l *load) withRows(ctx context.Context, t *table.Table, columns []int, batches []*table.Batch, f func(view string) error) error {
	schema := schemaOf(t, columns)
	var records []arrow.Record
	for _, b := range batches {
		var arrays []arrow.Array
		for _, i := range columns {
			arrays = append(arrays, b.Rows.Column(i))
		}
		arrays = append(arrays, b.Rows.Column(len(t.Columns)))
		r := array.NewRecord(schema, arrays, b.Rows.NumRows())
		defer r.Release()
		records = append(records, r)
	}
	reader, err := array.NewRecordReader(schema, records)
	if err != nil {
		return fmt.Errorf("read batches: %w", err)
	}
	defer reader.Release()

	free, err := makeView(l.conn, reader)
	if err != nil {
		return err
	}
	defer free()
	view := own(l.catalog, rowsView)
	if err := f(view); err != nil {
		return err
	}
	_, err = l.exec(ctx, "DROP VIEW "+view)
	return err
}

// makeView makes rowsView of what the reader has. free is for when no statement reads it any more.
func makeView(conn *sql.Conn, reader array.RecordReader) (free func(), err error) {
	stream := (*C.struct_ArrowArrayStream)(C.calloc(1, C.sizeof_struct_ArrowArrayStream))
	cdata.ExportRecordReader(reader, (*cdata.CArrowArrayStream)(unsafe.Pointer(stream)))
	name := C.CString(rowsView)
	defer C.free(unsafe.Pointer(name))
	err = conn.Raw(func(driverConn any) error {
		native, err := nativeConnection(driverConn)
		if err != nil {
			return err
		}
		if C.duckdb_arrow_scan(native, name, unsafe.Pointer(stream)) != 0 {
			return errors.New("duckdb did not accept the Arrow stream")
		}
		return nil
	})
	if err != nil {
		C.free_stream(stream)
		return nil, err
	}
	return func() { C.free_stream(stream) }, nil
}

// nativeConnection digs DuckDB's own handle out of the driver's connection, which keeps it in a field that is not
// exported. The driver's version is fixed in go.mod, and a driver that keeps it elsewhere is refused here.
func nativeConnection(driverConn any) (unsafe.Pointer, error) {
	field := reflect.Indirect(reflect.ValueOf(driverConn)).FieldByName("conn")
	if !field.IsValid() || field.Type() != reflect.TypeFor[mapping.Connection]() {
		return nil, fmt.Errorf("the DuckDB driver's %T is not laid out as this program expects; build it with the version in go.mod", driverConn)
	}
	return field.FieldByName("Ptr").UnsafePointer(), nil
}
