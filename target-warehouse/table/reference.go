package table

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tapline/internal/rawjson"
)

// follow reads the schema that a $ref points to, which must be in the same document; a reference that leads back to
// itself gives cycle. It does so in the walk of its name: that an object has itself as a property does not hide what kind
// of value it is.
func follow[T any](r *schemaReader, walk string, ref []byte, cycle T, read func(schema []byte) (T, error)) (T, error) {
	var none T
	if r.steps++; r.steps > maxSteps {
		return none, errors.New("its references multiply without end")
	}
	pointer := textOf(ref)
	if slices.Contains(r.open, walk+pointer) {
		return cycle, nil
	}
	target, known := r.resolved[pointer]
	if !known {
		var err error
		if target, err = r.resolve(pointer); err != nil {
			return none, fmt.Errorf("its $ref %s %w", brief(ref), err)
		}
		r.resolved[pointer] = target
	}
	r.open = append(r.open, walk+pointer)
	defer func() { r.open = r.open[:len(r.open)-1] }()
	return read(target)
}

// resolve finds what a JSON Pointer in a URI fragment points to (RFC 6901, section 6).
func (r *schemaReader) resolve(pointer string) ([]byte, error) {
	path, local := strings.CutPrefix(pointer, "#")
	path, err := url.PathUnescape(path)
	if !local || err != nil || path != "" && path[0] != '/' {
		return nil, errors.New("does not point into the SCHEMA itself, such as #/definitions/name; the tap must resolve others")
	}
	at := r.root
	for _, step := range strings.Split(path, "/")[1:] {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		if at = child(at, step); at == nil {
			return nil, errors.New("points to nothing in the SCHEMA")
		}
	}
	return at, nil
}

func child(value []byte, step string) []byte {
	switch rawjson.KindOf(value) {
	case rawjson.Object:
		for key, member := range members(value) {
			if key == step {
				return member
			}
		}
	case rawjson.Array:
		list := elements(value)
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(list) {
			return list[i]
		}
	}
	return nil
}
