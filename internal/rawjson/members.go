package rawjson

// Members walks the members of one JSON object in the order they stand in the text:
//
//	m := rawjson.Members{}
//	for m.Reset(text); m.Next(); {
//		use(m.Key, m.Value)
//	}
//	if err := m.Err(); err != nil { ... }
//
// Key and Value are parts of the text.
type Members struct {
	Key     []byte // the member's name between its quotes, escapes untouched
	Escaped bool   // whether Key contains escapes; [Text] resolves them
	Value   []byte // the member's value, without white space around it

	data  []byte
	pos   int
	begun bool
	err   error
}

// Reset starts a walk over the object that data begins with, white space before it allowed.
func (m *Members) Reset(data []byte) { *m = Members{data: data} }

// Next moves to the next member and reports whether there is one. At the end of the object, or when the text is not
// a JSON object, it returns false; [Members.Err] tells which.
func (m *Members) Next() bool {
	if m.err != nil {
		return false
	}
	i := SkipSpace(m.data, m.pos)
	switch {
	case i >= len(m.data):
		m.err = syntax(i, unended)
		return false
	case !m.begun:
		if m.data[i] != '{' {
			m.err = syntax(i, "an object is missing")
			return false
		}
		m.begun = true
		if i = SkipSpace(m.data, i+1); i < len(m.data) && m.data[i] == '}' {
			return m.end(i + 1)
		}
	case m.data[i] == '}':
		return m.end(i + 1)
	case m.data[i] == ',':
		i = SkipSpace(m.data, i+1)
	default:
		m.err = syntax(i, "a comma or closing bracket is missing")
		return false
	}
	return m.member(i)
}

func (m *Members) member(i int) bool {
	end, escaped, colon, err := splitKey(m.data, i)
	if err == nil {
		m.Key, m.Escaped = m.data[i+1:end-1], escaped
		start := SkipSpace(m.data, colon+1)
		if end, err = Skip(m.data, start); err == nil {
			m.Value, m.pos = m.data[start:end], end
			return true
		}
	}
	m.err = err
	return false
}

func (m *Members) end(i int) bool {
	m.pos, m.Key, m.Value, m.err = i, nil, nil, errEnd
	return false
}

// errEnd marks a walk that has come to the end of its object.
var errEnd = &SyntaxError{What: "end of object"}

// Err returns why the walk stopped before the end of the object, or nil.
func (m *Members) Err() error {
	if m.err == errEnd {
		return nil
	}
	return m.err
}

// End returns the index just behind the object's closing brace once Next has returned false and Err is nil.
func (m *Members) End() int { return m.pos }
