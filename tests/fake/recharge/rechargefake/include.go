package rechargefake

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// including reads the parameter include.
func (k *kind) including(value string) ([]include, *apiError) {
	var list []include
	for _, name := range strings.Split(value, ",") {
		i := slices.IndexFunc(k.includes, func(in include) bool { return in.name == name })
		if i < 0 {
			return nil, invalid("include", "Not a valid choice: "+name)
		}
		list = append(list, k.includes[i])
	}
	return list, nil
}

// addIncludes adds to each record what include= asks for, as its member include.
func (s *Server) addIncludes(raws [][]byte, includes []include) {
	if len(includes) == 0 {
		return
	}
	added := make([][]member, len(raws))
	for _, in := range includes {
		others := s.byMember(in)
		for i, raw := range raws {
			added[i] = append(added[i], member{in.name, in.value(raw, others)})
		}
	}
	for i, raw := range raws {
		whole := append(bytes.Clone(raw[:len(raw)-1]), `,"include":`...)
		raws[i] = append(append(whole, writeMembers(added[i])...), '}')
	}
}

// value is what an include adds to one record.
func (in include) value(raw []byte, others map[string][]json.RawMessage) json.RawMessage {
	var mine []json.RawMessage
	var seen []string
	for _, at := range reach(raw, in.mine) {
		if id := plainText(at); in.kind != "" && !slices.Contains(seen, id) {
			mine, seen = append(mine, others[id]...), append(seen, id)
		}
	}
	switch {
	case in.one && len(mine) > 0:
		return mine[0]
	case in.one:
		return json.RawMessage("null")
	}
	return append(append([]byte{'['}, bytes.Join(rawTexts(mine), []byte{','})...), ']')
}

func rawTexts(list []json.RawMessage) [][]byte {
	texts := make([][]byte, len(list))
	for i, raw := range list {
		texts[i] = raw
	}
	return texts
}

// byMember groups the objects of an include's kind by the member that says what they belong to.
func (s *Server) byMember(in include) map[string][]json.RawMessage {
	sh := s.shelves[in.kind]
	groups := map[string][]json.RawMessage{}
	if sh == nil {
		return groups
	}
	for _, e := range sh.entries {
		if e.visible(s.Ticks()) {
			raw := s.raw(sh, e)
			key := plainText(memberRaw(raw, in.theirs))
			groups[key] = append(groups[key], raw)
		}
	}
	return groups
}
