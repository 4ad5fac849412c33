package table

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
)

// OwnPath is the path of columns that tapline itself fills.
const OwnPath = "[]"

// Path returns what identifies the column's values in a record, whatever the column is called: a JSON array of the
// names that lead there, such as ["address","city"], and [OwnPath] for a column that tapline itself fills.
func (c Column) Path() string {
	if c.Property == "" && c.Below == nil && isOwn(c.Name) {
		return OwnPath
	}
	return pathOf(append([]string{c.Property}, c.Below...))
}

func pathOf(names []string) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(names); err != nil {
		panic("names cannot be written as JSON: " + err.Error()) // strings always can
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// wish is a column that is to get a name.
type wish struct {
	path  string // see [Column.Path]
	depth int    // how many names lead to the value
	name  string // what it is called if that is free
	own   bool   // whether it may have the name of a column of Metadata, in the place of tapline's
}

// columnNames gives every wish a name that no other column has, even where case does not count, as in DuckDB, and that
// is none of tapline's own. Known has the names that paths were given earlier, also paths that are not wished for now:
// each keeps its name, and nobody else gets it. Of the others each gets the name it wishes for if it can. Of those that
// differ only in case one gets it, the one written in lower case before all others, and a property before what stands
// below one; who must yield has a hash of its path put behind its name. Names do not depend on the order of the wishes,
// so that a column means the same in every run.
func columnNames(wishes []wish, known map[string]string) []string {
	n := naming{owners: map[string]string{"": OwnPath}, given: map[string]string{}}
	for _, name := range ownNames() {
		n.owners[fold(name)] = OwnPath
	}
	for _, path := range slices.Sorted(maps.Keys(known)) {
		n.take(wish{path: path, name: known[path], own: true})
	}
	sorted := slices.SortedFunc(slices.Values(wishes), func(a, b wish) int {
		lower := func(w wish) int {
			if w.name == fold(w.name) {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(lower(a), lower(b)), cmp.Compare(a.name, b.name), cmp.Compare(a.path, b.path))
	})
	for _, w := range sorted {
		n.take(w)
	}
	for _, w := range sorted {
		n.yield(w)
	}
	names := make([]string, len(wishes))
	for i, w := range wishes {
		names[i] = n.given[w.path]
	}
	return names
}

type naming struct {
	owners map[string]string // folded name -> the path that has it, OwnPath for names of tapline's own
	given  map[string]string // path -> name
}

// take gives a wish its name if it has none and the name is free.
func (n *naming) take(w wish) {
	_, has := n.given[w.path]
	owner, owned := n.owners[fold(w.name)]
	inPlace := w.own && owner == OwnPath && isMetadata(w.name) && w.path == pathOf([]string{w.name})
	if has || w.path == OwnPath || strings.Contains(w.name, "\x00") || owned && !inPlace {
		return
	}
	n.owners[fold(w.name)], n.given[w.path] = w.path, w.name
}

// yield makes a free name for a wish that has none.
func (n *naming) yield(w wish) {
	if _, has := n.given[w.path]; has {
		return
	}
	hash := fnv.New32a()
	hash.Write([]byte(w.path))
	name := fmt.Sprintf("%s__%08x", strings.ReplaceAll(w.name, "\x00", ""), hash.Sum32())
	for n.owners[fold(name)] != "" {
		name += "_"
	}
	n.owners[fold(name)], n.given[w.path] = w.path, name
}

// fold makes names equal that differ only in case or in NUL characters, which no engine takes in a name.
func fold(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "\x00", ""))
}
