package main

import (
	"bytes"
	"encoding/json"
)

// lineWidth is the number of bytes up to which a JSON value is kept on one line.
const lineWidth = 120

// layout appends a compact JSON value to b so that a person can read it and a diff shows single fields: what fits a line
// stays on it, anything longer is broken up level by level. Members keep their order.
func layout(b *bytes.Buffer, value json.RawMessage, indent string) error {
	opening := value[0]
	if len(indent)+len(value) <= lineWidth || opening != '{' && opening != '[' {
		b.Write(value)
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	inner := indent + "  "
	separator := ""
	b.WriteByte(opening)
	for decoder.More() {
		b.WriteString(separator + "\n" + inner)
		separator = ","
		if opening == '{' {
			name, err := decoder.Token()
			if err != nil {
				return err
			}
			quoted, err := json.Marshal(name)
			if err != nil {
				return err
			}
			b.Write(quoted)
			b.WriteString(": ")
		}
		var member json.RawMessage
		if err := decoder.Decode(&member); err != nil {
			return err
		}
		if err := layout(b, member, inner); err != nil {
			return err
		}
	}
	// In ASCII both closing brackets lie two places after their opening ones.
	b.WriteString("\n" + indent + string(opening+2))
	return nil
}
