package table

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// columnNames gives every property a column name that no other has, even where case does not count, as in DuckDB, and
// that is none of tapline's own. A property keeps its name if it can. Of properties that differ only in case one keeps
// its name, the one written in lower case before all others; a property that must yield has a hash of its name put
// behind it. Names depend only on which properties there are, never on their order, so that a column means the same in
// every run.
func columnNames(properties []string) []string {
	owners := map[string]string{} // folded name -> the property that keeps it; "" for names of tapline's own
	for _, m := range Metadata {
		owners[fold(m.Name)] = ""
		if slices.Contains(properties, m.Name) {
			owners[fold(m.Name)] = m.Name
		}
	}
	owners[""], owners[fold(Extra)], owners[fold(Ordinal)] = "", "", ""
	sorted := slices.Clone(properties)
	slices.Sort(sorted)
	for _, p := range sorted {
		owner, owned := owners[fold(p)]
		if strings.Contains(p, "\x00") || owned && owner == "" {
			continue
		}
		if !owned || p == fold(p) {
			owners[fold(p)] = p
		}
	}
	given := map[string]string{}
	for _, p := range sorted {
		given[p] = p
		if owners[fold(p)] != p || fold(p) == "" {
			given[p] = yield(p, owners)
		}
	}
	names := make([]string, len(properties))
	for i, p := range properties {
		names[i] = given[p]
	}
	return names
}

// yield makes a free name for a property that cannot have its own, and takes it.
func yield(property string, owners map[string]string) string {
	hash := fnv.New32a()
	hash.Write([]byte(property))
	name := fmt.Sprintf("%s__%08x", strings.ReplaceAll(property, "\x00", ""), hash.Sum32())
	for _, taken := owners[fold(name)]; taken; _, taken = owners[fold(name)] {
		name += "_"
	}
	owners[fold(name)] = property
	return name
}

// fold makes names equal that differ only in case or in NUL characters, which no engine takes in a name.
func fold(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "\x00", ""))
}
