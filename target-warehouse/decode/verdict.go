package decode

import (
	"bytes"
	"encoding/json"

	"tapline/internal/rawjson"
	"tapline/target-warehouse/table"
)

// violation is a way in which a record breaks its SCHEMA.
type violation uint8

const (
	null violation = iota + 1
	missing
	badType
	badFormat
	notInEnum
	violationKinds
)

var violationNames = [violationKinds]string{null: "null", missing: "missing", badType: "type", badFormat: "format", notInEnum: "enum"}

// verdict is a [table.Rule] in the form that values are held against.
type verdict struct {
	kinds    table.Kinds
	required bool
	null     violation // what null violates; 0 for nothing
	// The values of the rule's Enum: strings as their text, the others in the spelling that canonical gives them.
	listed         bool
	texts, spelled map[string]bool
}

// anything is the verdict on columns without a rule.
var anything = verdict{kinds: table.AnyKind}

func verdictOf(r table.Rule) verdict {
	v := verdict{kinds: r.Kinds, required: r.Required, listed: r.Enum != nil, texts: map[string]bool{}, spelled: map[string]bool{}}
	for _, value := range r.Enum {
		if rawjson.KindOf(value) == rawjson.String {
			text, _ := rawjson.Text(value, nil, true)
			v.texts[string(text)] = true
		} else {
			v.spelled[canonical(value)] = true
		}
	}
	switch {
	case r.Kinds&table.NullKind == 0:
		v.null = null
	case v.listed && !v.spelled["null"]:
		v.null = notInEnum
	}
	return v
}

// judges tells whether a column of that type can hold values that violate the rule. A column of most types can not.
func (v *verdict) judges(t table.Type) bool { return v.listed || v.held(t)&^v.kinds != 0 }

// held returns the kinds of values that a column of type t holds.
func (v *verdict) held(t table.Type) table.Kinds {
	switch t {
	case table.Boolean:
		return table.BooleanKind
	case table.Integer:
		return table.IntegerKind
	case table.Number:
		return table.NumberKind
	case table.Decimal:
		return table.NumberKind | v.kinds&table.StringKind
	case table.Text:
		held := table.StringKind | v.kinds&table.BooleanKind
		if v.kinds&table.NumberKind != 0 {
			held |= table.NumberKind
		}
		return held
	case table.Timestamp, table.Date:
		return v.kinds & table.StringKind
	}
	return table.AnyKind &^ table.NullKind
}

// judge returns how a value, which is not null and which its column holds, violates the rule; 0 if it does not.
func (v *verdict) judge(value []byte, kind rawjson.Kind) violation {
	if broken := v.judgeKind(value, kind); broken != 0 {
		return broken
	}
	if v.listed && !v.lists(value, kind) {
		return notInEnum
	}
	return 0
}

func (v *verdict) judgeKind(value []byte, kind rawjson.Kind) violation {
	allowed := false
	switch kind {
	case rawjson.Bool:
		allowed = v.kinds&table.BooleanKind != 0
	case rawjson.NotFinite:
		allowed = v.kinds&table.FractionKind != 0
	case rawjson.Number:
		allowed = v.kinds&table.NumberKind == table.NumberKind || v.kinds&numberKind(value) != 0
	case rawjson.Array:
		allowed = v.kinds&table.ArrayKind != 0
	case rawjson.Object:
		allowed = v.kinds&table.ObjectKind != 0
	case rawjson.String:
		if v.kinds&table.OtherKind == 0 && v.kinds&table.StringKind != 0 {
			return v.judgeFormat(value)
		}
		allowed = v.kinds&table.StringKind != 0
	}
	if !allowed {
		return badType
	}
	return 0
}

func numberKind(value []byte) table.Kinds {
	var room [64]byte
	if bytes.ContainsAny(value, ".eE") && decimalOf(room[:0], value).exponent < 0 {
		return table.FractionKind
	}
	return table.IntegerKind
}

// judgeFormat judges a string that must have one of the formats that the rule names.
func (v *verdict) judgeFormat(value []byte) violation {
	text := textOf(value)
	if v.kinds&table.DateTimeKind != 0 {
		if _, problem := timestamp(text); problem == "" || problem == tooFine {
			return 0
		}
	}
	if v.kinds&table.DateKind != 0 {
		if _, problem := date(text); problem == "" {
			return 0
		}
	}
	if v.kinds&table.DecimalKind != 0 && isDecimal(text) {
		return 0
	}
	return badFormat
}

// textOf returns the text of a string, which is a part of it if it has no escapes.
func textOf(value []byte) []byte {
	text := value[1 : len(value)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		text, _ = rawjson.Text(value, nil, true)
	}
	return text
}

// lists tells whether the rule's Enum has a value equal to this one.
func (v *verdict) lists(value []byte, kind rawjson.Kind) bool {
	if kind == rawjson.String {
		return v.texts[string(textOf(value))]
	}
	return v.spelled[string(value)] || v.spelled[canonical(value)]
}

// canonical spells equal values alike: numbers as a Decimal would, the members of objects in the order of their names.
// NaN and Infinity, in whatever they stand, are spelled as they are.
func canonical(value []byte) string {
	if rawjson.KindOf(value) == rawjson.Number {
		n := decimalOf(nil, value)
		if n.length() > maxDigits {
			return string(value)
		}
		return string(n.appendTo(nil))
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return string(value)
	}
	text, err := json.Marshal(canonicalNumbers(v))
	if err != nil {
		return string(value)
	}
	return string(text)
}

// canonicalNumbers spells all numbers in a value, in place, as canonical does.
func canonicalNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return json.Number(canonical([]byte(v)))
	case []any:
		for i := range v {
			v[i] = canonicalNumbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = canonicalNumbers(v[key])
		}
	}
	return v
}
