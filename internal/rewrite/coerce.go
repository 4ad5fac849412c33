package rewrite

import (
	"bytes"
	"strings"

	"tapline/internal/rawjson"
)

// tell reports the value at n once.
func (r *Rewriter) tell(n *node, what string) {
	if !n.told {
		n.told = true
		r.report(strings.Join(n.path, "."), what)
	}
}

// coerce reads the value at src[i], which is of a type that n does not admit, and gives it one that n does.
func (r *Rewriter) coerce(i int, n *node, depth int) (end int, err error) {
	is := typeOf(r.src[i])
	if is&(objectType|arrayType) == 0 || n.takesText() {
		if end, err = rawjson.Skip(r.src, i); err != nil || r.convert(i, end, n) {
			return end, err
		}
	}
	r.tell(n, "is "+is.String()+" where the schema has "+n.types.String())
	switch is {
	case objectType:
		return r.object(i, n, depth)
	case arrayType:
		return r.array(i, n, depth)
	}
	return end, nil
}

// takesText tells whether any text is as good as another at n.
func (n *node) takesText() bool { return n.types&stringType != 0 && !n.time && !n.date }

// convert replaces src[start:end], unless it is right as it stands, and reports whether it can be either.
func (r *Rewriter) convert(start, end int, n *node) bool {
	value := r.src[start:end]
	switch kind := rawjson.KindOf(value); {
	case kind == rawjson.Number && n.types&integerType != 0 && isWhole(value):
	case (kind == rawjson.Number || kind == rawjson.Bool) && n.takesText():
		r.replace(start, end, value, true)
	case kind == rawjson.Number && n.types&booleanType != 0:
		return r.truth(start, end, value)
	case kind == rawjson.String:
		return r.unquote(start, end, n)
	case kind == rawjson.Array && n.joint != "":
		return r.join(start, end, n.joint)
	case kind == rawjson.Object || kind == rawjson.Array:
		r.replace(start, end, value, true)
	default:
		return false
	}
	return true
}

// truth replaces a value by true or false if its text is a word for them.
func (r *Rewriter) truth(start, end int, text []byte) bool {
	switch {
	case string(text) == "1" || len(text) == 4 && bytes.EqualFold(text, []byte("true")):
		r.replace(start, end, []byte("true"), false)
	case string(text) == "0" || len(text) == 5 && bytes.EqualFold(text, []byte("false")):
		r.replace(start, end, []byte("false"), false)
	default:
		return false
	}
	return true
}

// unquote replaces text by the number, true or false that it says.
func (r *Rewriter) unquote(start, end int, n *node) bool {
	text, ok := r.textOf(r.src[start:end])
	if !ok {
		return false
	}
	if n.types&(numberType|integerType) != 0 {
		stop, err := rawjson.Skip(text, 0)
		if err == nil && stop == len(text) && rawjson.KindOf(text) == rawjson.Number && (n.types&numberType != 0 || isWhole(text)) {
			r.replace(start, end, text, false)
			return true
		}
	}
	return n.types&booleanType != 0 && r.truth(start, end, text)
}

// join replaces an array of texts by one text. Items that could not be told apart in it forbid that.
func (r *Rewriter) join(start, end int, joint string) bool {
	joined, mark := r.text[:0], []byte(strings.TrimSpace(joint))
	for i := rawjson.SkipSpace(r.src, start+1); i < end-1; {
		if r.src[i] != '"' {
			return false
		}
		stop, escaped, err := rawjson.SkipString(r.src, i)
		if err != nil {
			return false
		}
		if len(joined) > 0 {
			joined = append(joined, joint...)
		}
		from := len(joined)
		item, replaced := rawjson.Text(r.src[i:stop], joined, escaped)
		if joined = append(joined, item...); replaced > 0 || len(item) == 0 || bytes.Contains(joined[from:], mark) {
			return false
		}
		i = rawjson.SkipSpace(r.src, rawjson.SkipSpace(r.src, stop)+1)
	}
	r.text = joined
	r.replace(start, end, joined, true)
	return true
}

// normalize replaces text that is of the declared type, but in another form than the schema asks for.
func (r *Rewriter) normalize(start, end int, n *node) {
	if r.src[start] != '"' || !n.time && !n.date && !n.lower {
		return
	}
	text, ok := r.textOf(r.src[start:end])
	switch {
	case n.lower:
		if ok && bytes.ContainsFunc(text, isUpper) {
			r.text = append(r.text[:0], text...)
			for i, c := range r.text {
				if isUpper(rune(c)) {
					r.text[i] = c + 'a' - 'A'
				}
			}
			r.replace(start, end, r.text, true)
		}
	case n.time:
		if !ok || !r.dateTime(start, end, text) {
			r.tell(n, "is text that cannot be read as a date-time")
		}
	case !ok || !r.date(start, end, text):
		r.tell(n, "is text that cannot be read as a date")
	}
}

// isUpper knows ASCII alone, which is all that words of an API are made of.
func isUpper(c rune) bool { return c >= 'A' && c <= 'Z' }

// textOf returns the text of a string, unless some of it is no Unicode. It is valid until the next call.
func (r *Rewriter) textOf(quoted []byte) (text []byte, ok bool) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], true
	}
	text, replaced := rawjson.Text(quoted, r.text[:0], true)
	r.text = text[:0]
	return text, replaced == 0
}

// replace puts text in the place of src[start:end], as a string if quoted is set, else as the value that it is.
func (r *Rewriter) replace(start, end int, text []byte, quoted bool) {
	r.cut(start, end)
	if !quoted {
		r.dst = append(r.dst, text...)
		return
	}
	r.dst = append(r.dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			r.dst = append(r.dst, '\\', c)
		case c < ' ':
			const hex = "0123456789abcdef"
			r.dst = append(r.dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			r.dst = append(r.dst, c)
		}
	}
	r.dst = append(r.dst, '"')
}
