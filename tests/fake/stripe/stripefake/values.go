package stripefake

import (
	"encoding/json"
	"strconv"
	"strings"
)

var (
	currencies = []string{"usd", "eur", "gbp", "jpy", "krw", "chf", "sek", "bhd", "clp"}
	countries  = []string{"US", "DE", "GB", "JP", "FR", "BR", "SE", "CH"}
	words      = []string{"Amber", "basic", "Cedar", "delta", "Ember", "field", "granite", "harbor", "indigo", "juniper", "kilo", "linen"}

	// oddities are pieces of JSON strings, already encoded, that a careless
	// reader changes: escapes of several spellings, composed and decomposed
	// letters, characters outside the first plane, line separators, spaces at the ends.
	oddities = []string{
		`caf\u00e9`, `café`, "cafe\u0301", `\ud83d\ude80`, "🚀👩‍👩‍👧", `a\"b\\c\/d`, `tab\there`, `line\nbreak\r\n`,
		" lead and trail ", `\u2028\u2029`, "\u2028", `<b>&amp;</b>`, `\u003cscript\u003e`, "שלום", "日本語テキスト", `{\"a\": 1.0}`,
		"NULL", "'; --", "\u00a0", "%s %d", `C:\\temp`, `\u007f`, "ß→ẞ", "0x1F", "1e400",
	}
	// metadataKeys are encoded likewise. Two differ by case alone.
	metadataKeys = []string{
		"order_id", "Order_ID", "order id", "a.b.c", "key-with-dash", `quote\"d`, `back\\slash`, "ключ", "emoji😀", `esc\u0061ped`,
		"id", "object", "__proto__", "select", "0", "$ref", "x[y]", "a/b", "tab\\tkey", "created",
	}
	metadataValues = []string{"6735", "00123", "true", "null", "1.10", "9007199254740993", "2024-02-30", "-0", "gold"}
)

// appendString appends s as a JSON string, with nothing escaped that need not be.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '"' || s[i] == '\\' || s[i] >= 0x7f {
			raw, _ := json.Marshal(s) // a string always encodes
			return append(b, raw...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func pick[T any](d *draw, list []T) T { return list[d.IntN(len(list))] }

// scalar appends a value that is neither object nor array.
func (d *draw) scalar(b []byte, s *schema, name string, owner *schema) []byte {
	switch {
	case len(s.Enum) > 0:
		return appendString(b, pick(d, s.Enum))
	case s.Type == "boolean":
		return strconv.AppendBool(b, name != "livemode" && d.chance(0.5))
	case s.Type == "integer" && s.Format == "unix-time":
		return strconv.AppendInt(b, d.moment(), 10)
	case s.Type == "integer":
		return strconv.AppendInt(b, d.integer(name), 10)
	case s.Type == "number":
		return append(b, d.number()...)
	case s.Format == "decimal":
		return appendString(b, d.decimal())
	default:
		return d.text(b, s, name, owner)
	}
}

// moment is a second within ninety days of the creation.
func (d *draw) moment() int64 { return d.created + d.Int64N(180*86400) - 90*86400 }

func (d *draw) integer(name string) int64 {
	switch {
	case strings.Contains(name, "amount") || strings.Contains(name, "total") || strings.Contains(name, "balance"):
		return d.amount()
	case name == "exp_year":
		return 2024 + d.Int64N(10)
	case strings.HasSuffix(name, "month"), strings.HasSuffix(name, "day"):
		return 1 + d.Int64N(12)
	default:
		return d.Int64N(100)
	}
}

// amount is in the smallest unit of the currency; one in forty is larger than
// a float64 can count, up to a little over 2^53.
func (d *draw) amount() int64 {
	if d.chance(0.025) {
		return 1<<53 + 1 + 2*d.Int64N(500)
	}
	return 50 + d.Int64N(500_000)
}

// number is a plain decimal as Stripe writes floats: 20.0, 8.875, 0.91342.
func (d *draw) number() string {
	switch d.IntN(4) {
	case 0:
		return strconv.Itoa(d.IntN(100)) + ".0"
	case 1:
		return strconv.Itoa(d.IntN(100)) + "." + pick(d, []string{"5", "25", "875", "10", "050"})
	case 2:
		return "0." + strconv.Itoa(10_000+d.IntN(90_000))
	default:
		return strconv.Itoa(d.IntN(100))
	}
}

// decimal is the text of an amount with up to twelve decimal places.
func (d *draw) decimal() string {
	if d.chance(0.5) {
		return strconv.Itoa(d.IntN(100_000))
	}
	return strconv.Itoa(d.IntN(100)) + "." + strconv.Itoa(100_000_000_000+d.IntN(900_000_000_000))
}

// text appends a string that suits the member's name.
func (d *draw) text(b []byte, s *schema, name string, owner *schema) []byte {
	switch {
	case name == "id":
		return append(b, d.newID(owner)...)
	case strings.HasSuffix(name, "currency"):
		return appendString(b, d.money())
	case strings.HasSuffix(name, "country"):
		return appendString(b, pick(d, countries))
	case strings.HasSuffix(name, "email"):
		return append(b, d.email()...)
	case name == "url" || strings.HasSuffix(name, "_url"):
		return appendString(b, "https://pay.example.com/"+token(d.Rand, 12)+"?a=1&b=2")
	case strings.Contains(name, "phone"):
		return appendString(b, "+1555"+strconv.Itoa(1_000_000+d.IntN(9_000_000)))
	case strings.Contains(name, "fingerprint"), strings.Contains(name, "number"):
		return appendString(b, token(d.Rand, 16))
	case s.MaxLength > 0 && s.MaxLength < 60:
		return appendString(b, token(d.Rand, min(s.MaxLength, 8)))
	default:
		return d.phrase(b)
	}
}

// money is the currency that the amounts of this object are in.
func (d *draw) money() string {
	if d.currency == "" {
		d.currency = pick(d, currencies)
	}
	return d.currency
}

func (d *draw) email() string {
	return quote(strings.ToLower(pick(d, words)) + "." + strconv.Itoa(d.IntN(100_000)) + "@example.com")
}

// phrase appends a few words, one time in five with an oddity among them.
func (d *draw) phrase(b []byte) []byte {
	b = append(b, '"')
	b = append(b, pick(d, words)...)
	b = append(b, ' ')
	b = append(b, pick(d, words)...)
	if d.chance(0.2) {
		b = append(b, pick(d, oddities)...)
	}
	return append(b, '"')
}

// metadata appends an object of strings with keys that are legal and awkward.
func (d *draw) metadata(b []byte) []byte {
	b = append(b, '{')
	first := d.IntN(len(metadataKeys))
	for i := range d.IntN(4) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, metadataKeys[(first+i)%len(metadataKeys)]...)
		b = append(b, `":`...)
		if d.chance(0.5) {
			b = appendString(b, pick(d, metadataValues))
		} else {
			b = d.phrase(b)
		}
	}
	return append(b, '}')
}

// unknownMembers appends, to some objects, members that no document lists, as
// Stripe does when it adds to an API version.
func (d *draw) unknownMembers(b []byte, comma bool, depth int) []byte {
	share := 0.2
	if depth > 0 {
		share = 0.02
	}
	if !d.chance(share) {
		return b
	}
	if comma {
		b = append(b, ',')
	}
	if depth > 0 {
		b = append(b, `"x_nested_field":`...)
		return append(append(b, d.number()...), `,"x_nested_null":null`...)
	}
	b = append(b, `"x_new_field":{"ratio":`...)
	b = append(b, d.number()...)
	b = append(b, `,"list":[1,2.50,true,null,{"deep":`...)
	b = d.phrase(b)
	b = append(b, `}],"count":`...)
	b = strconv.AppendInt(b, d.amount(), 10)
	return append(b, `},"x_new_empty":{}`...)
}
