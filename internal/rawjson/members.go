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

	data         []byte
	pos          int
	begun, ended bool
	err          error
}

// Reset starts a walk over the object that data begins with, white space before it allowed.
func (m *Members) Reset(data []byte) { *m = Members{data: data} }

// Next moves to the next member and reports whether there is one. At the end of the object, or when the text is not
// a JSON object, it returns false; [Members.Err] tells which.
func (m *Members) Next() bool {
	if m.ended || m.err != nil {
		return false
	}
	var more bool
	if m.begun {
		m.pos, more, m.err = AfterMember(m.data, m.pos)
	} else {
		m.pos, more, m.err = Enter(m.data, SkipSpace(m.data, 0))
		m.begun = true
	}
	if m.err != nil {
		return false
	}
	if !more {
		m.ended, m.Key, m.Value = true, nil, nil
		return false
	}
	return m.member()
}

func (m *Members) member() bool {
	key, err := KeyAt(m.data, m.pos)
	if err == nil {
		m.Key, m.Escaped = m.data[key.Start:key.End], key.Escaped
		if m.pos, err = Skip(m.data, key.Value); err == nil {
			m.Value = m.data[key.Value:m.pos]
			return true
		}
	}
	m.err = err
	return false
}

// Err returns why the walk stopped before the end of the object, or nil.
func (m *Members) Err() error { return m.err }

// End returns the index just behind the object's closing brace once Next has returned false and Err is nil.
func (m *Members) End() int { return m.pos }

// Enter begins a walk by steps over the object that starts at data[i], for who knows better than [Members] what to
// expect. If the object has members it returns the index behind the brace, else the one behind the object.
func Enter(data []byte, i int) (next int, more bool, err error) {
	if i >= len(data) {
		return i, false, syntax(i, unended)
	}
	if data[i] != '{' {
		return i, false, syntax(i, "an object is missing")
	}
	if end := skipSpace(data, i+1); end < len(data) && data[end] == '}' {
		return end + 1, false, nil
	}
	return i + 1, true, nil
}

// Key is a member's name: data[Start:End] stands between its quotes, and data[Value] is where its value begins.
type Key struct {
	Start, End, Value int
	Escaped           bool // whether it contains escapes
}

// KeyAt reads a member's name behind data[i-1], the brace or comma before it.
func KeyAt(data []byte, i int) (k Key, err error) {
	start := skipSpace(data, i)
	colon, has, err := scanKey(data, start)
	if err != nil {
		return k, err
	}
	end := colon - 1
	for data[end] != '"' {
		end-- // white space before the colon
	}
	return Key{Start: start + 1, End: end, Value: skipSpace(data, colon), Escaped: has&HasEscapes != 0}, nil
}

// AfterMember is the step from a member's value, which ends before data[i], to the next member: the index behind the
// comma between them. If there is none it returns the index behind the object.
func AfterMember(data []byte, i int) (next int, more bool, err error) {
	if i = skipSpace(data, i); i >= len(data) {
		return i, false, syntax(i, unended)
	}
	switch data[i] {
	case ',':
		return i + 1, true, nil
	case '}':
		return i + 1, false, nil
	}
	return i, false, syntax(i, uncommaed)
}
