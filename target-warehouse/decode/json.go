package decode

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"tapline/internal/rawjson"
)

const notFinite = "holds NaN or Infinity, which are not JSON"

// appendJSON appends a value's own text. Where that is not Unicode it is repaired, since one such row would make engines
// refuse every query of the column: DuckDB calls a lone surrogate malformed JSON.
func (d *Decoder) appendJSON(c *column, value []byte) (problem string) {
	replaced := 0
	if !utf8.Valid(value) || bytes.IndexByte(value, '\\') >= 0 && hasSurrogate(value) {
		d.repaired, replaced = repair(d.repaired[:0], value)
		value = d.repaired
	}
	return d.appendRepaired(c, value, replaced)
}

// hasNotFinite looks for NaN and Infinity outside of strings.
func hasNotFinite(value []byte) bool {
	if !bytes.Contains(value, []byte("NaN")) && !bytes.Contains(value, []byte("Infinity")) {
		return false
	}
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '"':
			end, _, _ := rawjson.SkipString(value, i)
			i = end - 1
		case 'N', 'I':
			return true
		}
	}
	return false
}

func hasSurrogate(value []byte) bool {
	return bytes.Contains(value, []byte(`\ud`)) || bytes.Contains(value, []byte(`\uD`))
}

// repair appends a value's text to buf with U+FFFD for every lone surrogate, escaped as that was, and for every byte
// that is not UTF-8; replaced counts them. Everything else stays as it is spelled.
func repair(buf, value []byte) (text []byte, replaced int) {
	for len(value) > 0 {
		size := 1
		switch c := value[0]; {
		case c == '\\' && value[1] == 'u':
			if size = unicodeEscape(value); size == 0 {
				size, replaced = 6, replaced+1
				buf, value = append(buf, `\ufffd`...), value[size:]
				continue
			}
		case c == '\\':
			size = 2
		case c >= utf8.RuneSelf:
			var r rune
			if r, size = utf8.DecodeRune(value); r == utf8.RuneError && size == 1 {
				replaced++
				buf, value = utf8.AppendRune(buf, r), value[size:]
				continue
			}
		}
		buf, value = append(buf, value[:size]...), value[size:]
	}
	return buf, replaced
}

// unicodeEscape returns the length of the \u escape, or pair of them, that value begins with; 0 for a lone surrogate.
func unicodeEscape(value []byte) int {
	first := hex4(value[2:])
	if !utf16.IsSurrogate(first) {
		return 6
	}
	if len(value) >= 12 && value[6] == '\\' && value[7] == 'u' && utf16.DecodeRune(first, hex4(value[8:])) != utf8.RuneError {
		return 12
	}
	return 0
}

func hex4(digits []byte) rune {
	v, _ := strconv.ParseUint(string(digits[:4]), 16, 16)
	return rune(v)
}

// quote spells a name as JSON.
func quote(name string) string {
	text, _ := json.Marshal(name)
	return string(text)
}
