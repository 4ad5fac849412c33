package rawjson

import (
	"unicode/utf16"
	"unicode/utf8"
)

// Text returns the text that stands between the quotes of a string literal, with escapes resolved. Where nothing has
// to be changed the result is part of quoted, else it is appended to buf and is part of buf. The result is always valid
// UTF-8: lone surrogates and bytes that are not UTF-8 become U+FFFD, and replaced counts them.
//
// quoted must be a literal that this package has delimited, quotes included.
func Text(quoted, buf []byte, escaped bool) (text []byte, replaced int) {
	inner := quoted[1 : len(quoted)-1]
	if !escaped && utf8.Valid(inner) {
		return inner, 0
	}
	start := len(buf)
	for i := 0; i < len(inner); {
		c := inner[i]
		switch {
		case c == '\\':
			var r rune
			r, i = unescape(inner, i)
			if r < 0 {
				r = utf8.RuneError
				replaced++
			}
			buf = utf8.AppendRune(buf, r)
		case c < utf8.RuneSelf:
			buf = append(buf, c)
			i++
		default:
			r, size := utf8.DecodeRune(inner[i:])
			if r == utf8.RuneError && size == 1 {
				replaced++
			}
			buf = utf8.AppendRune(buf, r)
			i += size
		}
	}
	return buf[start:], replaced
}

// unescape reads the escape at inner[i]; r is -1 for a lone surrogate.
func unescape(inner []byte, i int) (r rune, next int) {
	switch c := inner[i+1]; c {
	case 'b':
		return '\b', i + 2
	case 'f':
		return '\f', i + 2
	case 'n':
		return '\n', i + 2
	case 'r':
		return '\r', i + 2
	case 't':
		return '\t', i + 2
	case 'u':
		r = hex4(inner[i+2:])
		i += 6
		if !utf16.IsSurrogate(r) {
			return r, i
		}
		if i+6 <= len(inner) && inner[i] == '\\' && inner[i+1] == 'u' {
			if both := utf16.DecodeRune(r, hex4(inner[i+2:])); both != utf8.RuneError {
				return both, i + 6
			}
		}
		return -1, i
	default:
		return rune(c), i + 2
	}
}

func hex4(digits []byte) rune {
	var r rune
	for _, c := range digits[:4] {
		r = r<<4 | rune(hexDigit(c))
	}
	return r
}
