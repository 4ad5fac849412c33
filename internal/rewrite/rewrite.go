// Package rewrite changes records without decoding them.
//
// A record keeps the bytes it came in. Only two things are done to them: members that are not selected are cut out, at
// any depth, and integers that stand where the schema says "format": "date-time" become RFC 3339 text, because APIs
// that count Unix seconds do not say so in the number. Digits, escapes, the order of members and white space between
// what stays are never touched. For APIs that are not true to their own types, [CompileCoercing] does more instead of the
// second.
package rewrite

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tapline/internal/rawjson"
)

// Rewriter rewrites the records of one stream. It remembers the names it meets, so that steady work allocates nothing,
// and therefore serves one goroutine at a time; compile one for each.
type Rewriter struct {
	root     *node
	selected func(path ...string) bool
	unknown  func(path string)
	report   func(path, what string) // of values that cannot be coerced; nil: no value is coerced
	learned  int                     // nodes added since compiling
	met      uint64                  // see Met

	// Of the record being rewritten: its text up to from has been copied, or cut, already.
	src, dst []byte
	from     int
	name     []byte // room for a member name whose escapes are resolved
	text     []byte // room for text that is made of a value
}

// Compile prepares rewriting for records of the given JSON Schema. References must have been resolved.
//
// selected answers whether the property at a path is to be sent; items of arrays are no step of the path. It is asked
// once per name, for names that the schema does not know as well. unknown, which may be nil, is told each path that
// the schema does not describe, once, when a record has it and it is selected; steps are joined by dots. Members of
// objects for which the schema names no properties at all, such as free-form metadata, are not reported.
func Compile(schema json.RawMessage, selected func(path ...string) bool, unknown func(path string)) (*Rewriter, error) {
	var s shape
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, fmt.Errorf("reading the schema of records: %w", err)
	}
	if unknown == nil {
		unknown = func(string) {}
	}
	r := &Rewriter{selected: selected, unknown: unknown}
	r.root = r.compile(&s, nil)
	return r, nil
}

// CompileCoercing is [Compile] for an API that writes the same field now in this type, now in that one, and times as text.
// A value becomes one of the type that the schema declares for its place:
//
//   - Numbers and true and false become text, digit by digit; so do objects and arrays, as JSON. An array of texts where
//     the schema has a "x-separator" becomes one text, the items with the separator between them.
//   - Text that is a number, or a whole number, becomes that number; 0, 1, "0", "1" and the words true and false become
//     true and false.
//   - Text of the format date-time becomes RFC 3339 with Z. A time without an offset is read as UTC, a day as its
//     midnight; fractions of a second stay as they are. Text of the format date that is such a midnight becomes the day.
//   - Text where the schema has "x-lowercase": true becomes lower case.
//
// Null stays, and so does any value that could not be changed without loss. report, which must not be nil, is told of
// the latter, and of what [Compile] tells unknown: the path, and what is wrong there without the value itself, each path
// once. Unlike with Compile, numbers never become times.
func CompileCoercing(schema json.RawMessage, selected func(path ...string) bool, report func(path, what string)) (*Rewriter, error) {
	r, err := Compile(schema, selected, func(path string) { report(path, "is not in the schema") })
	if err == nil {
		r.report = report
	}
	return r, err
}

// Watch lets [Rewriter.Met] tell which members of these names, 64 at most, a record has at its top. Of names that the
// schema does not know nothing is told.
func (r *Rewriter) Watch(names []string) {
	for i, name := range names {
		if n := r.root.members[name]; n != nil {
			n.bit = 1 << i
		}
	}
}

// Met has a bit for each name that is watched, the lowest for the first: whether the last record had such a member, be it
// selected or not.
func (r *Rewriter) Met() uint64 { return r.met }

// Append appends the rewritten record to dst and returns the extended slice. The record must be one JSON object; it is
// not kept and not changed. On failure dst comes back as it was.
func (r *Rewriter) Append(dst, record []byte) ([]byte, error) {
	r.src, r.dst, r.from, r.met = record, dst, 0, 0
	defer func() { r.src, r.dst = nil, nil }()
	start := rawjson.SkipSpace(record, 0)
	if start == len(record) || record[start] != '{' {
		return dst, errors.New("the record is not a JSON object")
	}
	end, err := r.object(start, r.root, 0)
	if err != nil {
		return dst, fmt.Errorf("the record is not JSON: %w", err)
	}
	if rawjson.SkipSpace(record, end) != len(record) {
		return dst, errors.New("the record is followed by other text")
	}
	r.cut(len(record), len(record))
	return r.dst, nil
}

// maxDepth is where rewriting stops and copying begins: deeper text holds nothing a schema speaks of, and the stack
// must not grow with what a server sends.
const maxDepth = 500

func (r *Rewriter) value(i int, n *node, depth int) (end int, err error) {
	if i >= len(r.src) || depth > maxDepth {
		return rawjson.Skip(r.src, i)
	}
	switch c := r.src[i]; {
	case r.report != nil && !n.admits(c):
		return r.coerce(i, n, depth)
	case c == '{':
		return r.object(i, n, depth)
	case c == '[':
		return r.array(i, n, depth)
	}
	end, err = rawjson.Skip(r.src, i)
	switch {
	case err != nil:
	case r.report != nil:
		r.normalize(i, end, n)
	case n.time:
		r.instant(i, end)
	}
	return end, err
}

// array rewrites the items of the array that starts at src[i].
func (r *Rewriter) array(i int, n *node, depth int) (int, error) {
	if n.items == nil {
		n.items = r.compile(&shape{}, n.path)
	}
	i = rawjson.SkipSpace(r.src, i+1)
	if i < len(r.src) && r.src[i] == ']' {
		return i + 1, nil
	}
	for {
		end, err := r.value(i, n.items, depth+1)
		if err != nil {
			return end, err
		}
		i = rawjson.SkipSpace(r.src, end)
		last, err := separator(r.src, i, ']')
		if err != nil || last {
			return i + 1, err
		}
		i = rawjson.SkipSpace(r.src, i+1)
	}
}

// object rewrites the members of the object that starts at src[i]. A member that is dropped takes the comma before it
// along or, while no member has been kept yet, the comma behind it.
func (r *Rewriter) object(i int, n *node, depth int) (int, error) {
	i = rawjson.SkipSpace(r.src, i+1)
	if i < len(r.src) && r.src[i] == '}' {
		return i + 1, nil
	}
	kept, before := false, i // before: where the previous member ended
	guess := &n.first
	for {
		start := i
		child, i0, err := r.key(start, n, *guess)
		if err != nil {
			return i0, err
		}
		if child != *guess && r.learned < maxLearned {
			*guess = child
		}
		guess = &child.next
		r.met |= child.bit
		var end int
		if child.drop {
			end, err = rawjson.Skip(r.src, i0)
		} else {
			end, err = r.value(i0, child, depth+1)
		}
		if err != nil {
			return end, err
		}
		comma := rawjson.SkipSpace(r.src, end)
		last, err := separator(r.src, comma, '}')
		if err != nil {
			return comma, err
		}
		i = rawjson.SkipSpace(r.src, comma+1) // the next member, unless this was the last
		switch {
		case child.drop && kept:
			r.cut(before, end)
		case child.drop && last:
			r.cut(start, end)
		case child.drop:
			r.cut(start, i)
		default:
			kept = true
		}
		if last {
			return comma + 1, nil
		}
		before = end
	}
}

// key reads the member name at src[i] and the colon behind it. It returns the node of the member, which may be the guess,
// and the index of its value.
func (r *Rewriter) key(i int, n, guess *node) (*node, int, error) {
	if guess != nil && guess.name != "" && len(r.src)-i > len(guess.name) && string(r.src[i:i+len(guess.name)]) == guess.name {
		return guess, rawjson.SkipSpace(r.src, i+len(guess.name)), nil
	}
	if i >= len(r.src) || r.src[i] != '"' {
		return nil, i, &rawjson.SyntaxError{Offset: i, What: "a member name in quotes is missing"}
	}
	end, escaped, err := rawjson.SkipString(r.src, i)
	if err != nil {
		return nil, end, err
	}
	name := r.src[i+1 : end-1]
	if escaped {
		name, _ = rawjson.Text(r.src[i:end], r.name[:0], true)
		r.name = name[:0]
	}
	colon := rawjson.SkipSpace(r.src, end)
	if colon >= len(r.src) || r.src[colon] != ':' {
		return nil, colon, &rawjson.SyntaxError{Offset: colon, What: "a colon is missing behind a member name"}
	}
	child := r.member(n, name)
	if child.name == "" && !escaped && colon == end && r.learned < maxLearned {
		child.name = string(r.src[i : colon+1])
	}
	return child, rawjson.SkipSpace(r.src, colon+1), nil
}

// separator reports whether src[i] closes what is being read, or else is a comma.
func separator(src []byte, i int, closer byte) (last bool, err error) {
	if i < len(src) {
		if c := src[i]; c == closer || c == ',' {
			return c == closer, nil
		}
	}
	return false, &rawjson.SyntaxError{Offset: i, What: "a comma or closing bracket is missing"}
}

// cut copies what stands before start and is not copied yet, and leaves out src[start:end].
func (r *Rewriter) cut(start, end int) {
	if r.from < start {
		r.dst = append(r.dst, r.src[r.from:start]...)
	}
	r.from = end
}

// The seconds of the years 1 to 9999, which is what RFC 3339 can write and databases can keep.
const (
	minSeconds = -62135596800
	maxSeconds = 253402300799
)

// instant replaces src[start:end] by a time if it is a whole number of seconds; anything else stays.
func (r *Rewriter) instant(start, end int) {
	seconds, ok := wholeNumber(r.src[start:end])
	if !ok || seconds < minSeconds || seconds > maxSeconds {
		return
	}
	r.cut(start, end)
	r.dst = append(r.dst, '"')
	r.dst = time.Unix(seconds, 0).UTC().AppendFormat(r.dst, time.RFC3339)
	r.dst = append(r.dst, '"')
}

// wholeNumber reads digits with an optional minus before them; more digits than a time has are refused.
func wholeNumber(text []byte) (n int64, ok bool) {
	digits := text
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 12 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) < len(text) {
		n = -n
	}
	return n, true
}
