package batch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

func gzipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write([]byte(text))
	w.Close()
	return out.String()
}

func zstandard(text string) string {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	defer w.Close()
	return string(w.EncodeAll([]byte(text), nil))
}

// write makes a file and returns its URI.
func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

func open(t testing.TB, uri, format, compression string) *File {
	t.Helper()
	f, err := Open(t.Context(), uri, format, compression)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// read reads a file to its end or first failure, with buffers of a size, and holds it to the promises of ReadLines.
func read(t testing.TB, f *File, size int) (text string, count int, err error) {
	t.Helper()
	for line := int64(1); ; {
		var lines Lines
		if lines, err = f.ReadLines(make([]byte, 0, size)); err != nil {
			if _, again := f.ReadLines(nil); again != err {
				t.Errorf("after %v a further call gives %v", err, again)
			}
			break
		}
		full := 0
		for part := range bytes.Lines(lines.Text) {
			if len(bytes.TrimSpace(part)) > 0 {
				full++
			}
		}
		newlines := bytes.Count(lines.Text, []byte("\n"))
		if lines.Line < line || full != lines.Count || full == 0 || !bytes.HasSuffix(lines.Text, []byte("\n")) {
			t.Fatalf("%d records from line %d on, behind line %d: %q", lines.Count, lines.Line, line-1, lines.Text)
		}
		if len(lines.Text) > size && newlines > 1 && size > 0 {
			t.Fatalf("%d bytes in %d lines do not fit a buffer of %d", len(lines.Text), newlines, size)
		}
		line = lines.Line + int64(newlines)
		text, count = text+string(lines.Text), count+lines.Count
	}
	if closed := f.Close(); closed != nil {
		t.Error(closed)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text, count, err
}

// records are the lines that are not blank. Whether the others come depends on the buffer.
func records(text string) (list []string) {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			list = append(list, strings.TrimSuffix(line, "\n"))
		}
	}
	return list
}

func TestLinesComeAsTheyWereWritten(t *testing.T) {
	plain := "{\"id\":1}\n{\"id\":2,\"note\":\"\\u00e9\"}\n{\"id\":12345678901234567890.10}\n"
	for _, c := range []struct {
		name, content, compression, want string
		count                            int
	}{
		{"plain", plain, "none", plain, 3},
		{"no compression named", plain, "", plain, 3},
		{"gzip", gzipped(plain), "gzip", plain, 3},
		{"gzip in upper case", gzipped(plain), "GZIP", plain, 3},
		{"gzip that nobody named", gzipped(plain), "", plain, 3},
		{"gzip that was denied", gzipped(plain), "none", plain, 3},
		{"gzip in members", gzipped(plain[:9]) + gzipped(plain[9:]), "gzip", plain, 3},
		{"zstd", zstandard(plain), "zstd", plain, 3},
		{"zstd that nobody named", zstandard(plain), "", plain, 3},
		{"zstd in frames", zstandard(plain[:12]) + zstandard(plain[12:]), "zstd", plain, 3},
		{"unpacked already", plain, "gzip", plain, 3},
		{"no newline at the end", plain[:len(plain)-1], "", plain, 3},
		{"empty", "", "", "", 0},
		{"nothing, in gzip", gzipped(""), "gzip", "", 0},
		{"only blank lines", "\n \r\n\n", "", "", 0},
		{"blank lines", "\n{}\n\n \t\n{}\r\n\n", "", "\n{}\n\n \t\n{}\r\n\n", 2},
		{"white space before", "  {}\n", "", "  {}\n", 1},
		{"white space at the end", "{}\n  ", "", "{}\n  \n", 1},
		{"byte order mark", "\ufeff{}\n{}\n", "", "{}\n{}\n", 2},
		{"lines that are cut elsewhere", "{\"a\":\n", "", "{\"a\":\n", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			uri := write(t, "rows", c.content)
			for _, size := range []int{0, 1, 7, 30, 1 << 20} {
				text, count, err := read(t, open(t, uri, "jsonl", c.compression), size)
				if err != nil || count != c.count {
					t.Errorf("buffer of %d: %d records, %v", size, count, err)
				}
				if diff := cmp.Diff(records(c.want), records(text)); diff != "" {
					t.Errorf("buffer of %d (-want +got):\n%s", size, diff)
				}
			}
		})
	}
}

func TestFailuresSayWhereAndWhy(t *testing.T) {
	good := "{\"id\":1}\n{\"id\":2}\n"
	packed := gzipped(good)
	for _, c := range []struct {
		name, content, format, compression, want string
		before                                   string
	}{
		{"not an object", good + "[1]\n{}\n", "jsonl", "", `, line 3: the line is not a JSON object; it begins "[1]"`, good},
		{"a banner", "Loading...\n" + good, "jsonl", "", `, line 1: the line is not a JSON object; it begins "Loading..."`, ""},
		{"behind blank lines", "\n\n{}\n\nx\n", "jsonl", "", `, line 5: the line is not a JSON object; it begins "x"`, "\n\n{}\n\n"},
		{"cut line", good + `{"id":`, "jsonl", "", ", line 3: the file ends in the middle of the line: it was cut or is still being written", good},
		{"cut text", good + `{"id":"a`, "jsonl", "", ", line 3: the file ends in the middle of the line: it was cut or is still being written", good},
		{"cut gzip", packed[:len(packed)-4], "jsonl", "gzip", ", line 3: the gzip file ends in the middle: it was cut or is still being written", good},
		{"cut header", packed[:6], "jsonl", "gzip", ": the gzip file ends in the middle: it was cut or is still being written", ""},
		{"damaged gzip", packed[:len(packed)-8] + "12345678", "jsonl", "gzip", ", line 3: the gzip file is damaged: gzip: invalid checksum", good},
		{"text behind gzip", packed + "a text behind it", "jsonl", "", ", line 3: the gzip file is damaged: gzip: invalid header", good},
		{"cut zstd", zstandard(good)[:20], "jsonl", "zstd", ", line 1: the zstd file ends in the middle: it was cut or is still being written", ""},
		{"empty gzip", "", "jsonl", "gzip", ": the file is empty, which no gzip file is: it was cut or never written", ""},
		{"neither gzip nor JSON", "id,name\n", "jsonl", "gzip", ": the BATCH message says that it is gzip, and it is neither that nor JSON", ""},
		{"unknown compression", good, "jsonl", "bzip2", `: files of the compression "bzip2" are not read; let the tap write none, gzip or zstd`, ""},
		{"unknown format", good, "csv", "", `: files of the format "csv" are not read; let the tap write jsonl or parquet`, ""},
		{"no format", good, "", "", `: files of the format "" are not read; let the tap write jsonl or parquet`, ""},
		{"not parquet", strings.Repeat(" ", 1<<20) + "\x00\x00\x00\x00PAR2", "parquet", "", ": it is not a whole parquet file: parquet: magic bytes not found in footer. Either the file is corrupted or this isn't a parquet file", ""},
		{"empty parquet", "", "parquet", "", ": it is not a whole parquet file: parquet: file too small (size=0)", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			uri := write(t, "rows", c.content)
			for _, size := range []int{0, 1, 12} {
				var text string
				f, err := Open(t.Context(), uri, c.format, c.compression)
				if err == nil {
					text, _, err = read(t, f, size)
				}
				var located *Error
				if !errors.As(err, &located) || err.Error() != uri+c.want {
					t.Errorf("buffer of %d: %v\nwant %s%s", size, err, uri, c.want)
				}
				if diff := cmp.Diff(records(c.before), records(text)); diff != "" {
					t.Errorf("buffer of %d: before the failure came (-want +got)\n%s", size, diff)
				}
			}
		})
	}
}

// A cut file must never pass for a shorter whole one.
func TestACutFileIsNoticedWhereverItIsCut(t *testing.T) {
	plain := "{\"id\":1,\"s\":\"one\"}\n{\"id\":2,\"s\":\"two\"}\n"
	for name, content := range map[string]string{"gzip": gzipped(plain), "zstd": zstandard(plain)} {
		for cut := range len(content) {
			f, err := Open(t.Context(), write(t, "rows", content[:cut]), "jsonl", name)
			if err == nil {
				_, _, err = read(t, f, 0)
			}
			if err == nil {
				t.Errorf("%s cut at byte %d of %d is taken for whole", name, cut, len(content))
			}
		}
	}
}

func TestALineMayBeLongerThanTheBuffer(t *testing.T) {
	giant := `{"text":"` + strings.Repeat("x", 50<<20) + `"}` + "\n"
	f := open(t, write(t, "rows", "{}\n"+giant+"{}\n{}\n"), "jsonl", "")
	defer f.Close()
	buf := make([]byte, 0, 1<<20)
	for i, want := range []string{"{}\n", giant, "{}\n{}\n"} {
		lines, err := f.ReadLines(buf)
		if err != nil || string(lines.Text) != want || lines.Line != int64(i+1) {
			t.Errorf("run %d: %d bytes from line %d on, %v", i, len(lines.Text), lines.Line, err)
		}
	}
	if _, err := f.ReadLines(buf); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last line: %v", err)
	}
}

func TestATextLineStaysTheCallers(t *testing.T) {
	f := open(t, write(t, "rows", "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n"), "jsonl", "")
	defer f.Close()
	first, err := f.ReadLines(make([]byte, 0, 10))
	if err != nil {
		t.Fatal(err)
	}
	kept := string(first.Text)
	if _, err := f.ReadLines(make([]byte, 0, 10)); err != nil {
		t.Fatal(err)
	}
	if string(first.Text) != kept {
		t.Errorf("the first line became %q", first.Text)
	}
}

func TestAMissingFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	for uri, want := range map[string]string{
		"file://" + dir + "/none":  "there is no such file; the tap and the target must see the same files, and they must stay until they are loaded",
		dir + "/none":              "there is no such file; the tap and the target must see the same files, and they must stay until they are loaded",
		"file://" + dir:            "it is a directory; a manifest lists files",
		"file://" + dir + "/\x00a": "invalid argument",
		"file://":                  "the URI does not name a file",
	} {
		for _, format := range []string{"jsonl", "parquet"} {
			if _, err := Open(t.Context(), uri, format, ""); err == nil || err.Error() != uri+": "+want {
				t.Errorf("%q gives %v\nwant %s", uri, err, want)
			}
		}
	}
}

func TestRemoveDeletesALocalFileOnce(t *testing.T) {
	uri := write(t, "rows of today.jsonl", "{}\n")
	f := open(t, strings.ReplaceAll(uri, " ", "%20"), "jsonl", "")
	if _, _, err := read(t, f, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Remove(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(strings.TrimPrefix(uri, "file://")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	if _, err := f.ReadLines(nil); err == nil {
		t.Error("a closed file gives lines")
	}
}

func TestRemoveSaysWhyItCannot(t *testing.T) {
	f := &File{place: place{shown: "file:///data", path: t.TempDir()}}
	if err := os.WriteFile(filepath.Join(f.place.path, "inner"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := "file:///data: delete it after its rows were loaded: directory not empty"
	if err := f.Remove(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	content := gzipped(strings.Repeat(fmt.Sprintf("{\"text\":%q}\n", strings.Repeat("y", 1000)), 12_000))
	f := open(t, write(t, "rows", content), "jsonl", "")
	buf := make([]byte, 0, 1<<20)
	allocated := testing.AllocsPerRun(9, func() {
		if _, err := f.ReadLines(buf); err != nil {
			t.Error(err)
		}
	})
	if allocated > 3 {
		t.Errorf("a megabyte of lines takes %v allocations", allocated)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// FuzzLines holds the cutting into runs against the text: nothing is lost, doubled or changed, whatever the buffer.
func FuzzLines(f *testing.F) {
	f.Add([]byte("{}\n{\"a\":1}\n\n{\"b\":\n2}\n"), uint8(5))
	f.Add([]byte("\ufeff{}\n x"), uint8(0))
	f.Fuzz(func(t *testing.T, content []byte, size uint8) {
		path := filepath.Join(t.TempDir(), "rows")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Open(t.Context(), path, "jsonl", "")
		if err != nil {
			if bytes.HasPrefix(content, gzipMagic) || bytes.HasPrefix(content, zstdMagic) {
				return
			}
			t.Fatal(err)
		}
		if bytes.HasPrefix(content, gzipMagic) || bytes.HasPrefix(content, zstdMagic) {
			read(t, file, int(size))
			return
		}
		text, _, err := read(t, file, int(size))
		got, want := records(text), records(strings.TrimPrefix(string(content), "\ufeff"))
		if len(got) > len(want) || err == nil && len(got) < len(want) || !slices.Equal(got, want[:len(got)]) {
			t.Errorf("%q gives %q and %v", content, got, err)
		}
	})
}
