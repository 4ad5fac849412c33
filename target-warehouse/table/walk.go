package table

import (
	"iter"
	"strings"

	"tapline/internal/rawjson"
)

// The walkers below read text that is known to be valid JSON.

// members walks an object in the order of its text; names have their escapes resolved.
func members(text []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		var m rawjson.Members
		for m.Reset(text); m.Next(); {
			if !yield(textOf(quotedKey(&m)), m.Value) {
				return
			}
		}
	}
}

// quotedKey returns a member's name with its quotes, which stand around it in the text.
func quotedKey(m *rawjson.Members) []byte {
	quoted := make([]byte, 0, len(m.Key)+2)
	return append(append(append(quoted, '"'), m.Key...), '"')
}

// elements returns the elements of an array; none for any other value.
func elements(text []byte) [][]byte {
	if rawjson.KindOf(text) != rawjson.Array {
		return nil
	}
	var list [][]byte
	i := rawjson.SkipSpace(text, 1)
	for text[i] != ']' {
		end, _ := rawjson.Skip(text, i)
		list = append(list, text[i:end])
		if i = rawjson.SkipSpace(text, end); text[i] == ',' {
			i = rawjson.SkipSpace(text, i+1)
		}
	}
	return list
}

// textOf returns the text of a string literal, "" for any other value.
func textOf(literal []byte) string {
	if rawjson.KindOf(literal) != rawjson.String {
		return ""
	}
	text, _ := rawjson.Text(literal, nil, true)
	return string(text)
}

// brief shortens a value for a failure's text.
func brief(value []byte) string {
	const most = 60
	text := strings.ToValidUTF8(string(value[:min(len(value), most)]), "\uFFFD")
	if len(value) > most {
		text += "..."
	}
	return text
}
