package table

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Flatten says how nested objects become columns of their own, with the rules and defaults of the Singer SDK
// (https://sdk.meltano.com/en/latest/stream_maps.html), but that names which collide are made unique and not refused.
type Flatten struct {
	Enabled bool
	// MaxDepth is how many levels of objects are dissolved; what lies deeper stays JSON, and so do arrays and objects
	// whose properties the SCHEMA does not list.
	MaxDepth int
	// Separator stands between the names of a path; "" means "__".
	Separator string
	// MaxKeyLength is the number of characters from which on a column's name is abbreviated; 0 means 255.
	MaxKeyLength int
}

func (f Flatten) levels() int {
	if !f.Enabled {
		return 0
	}
	return f.MaxDepth
}

// leaf is a property, of the record or below another, that gets a column.
type leaf struct {
	property
	path     []string
	required bool
}

// leaves returns what becomes columns of an object. A property of the record's key is never dissolved.
func (o object) leaves(above []string, key []string) []leaf {
	required := make(map[string]bool, len(o.required))
	for _, name := range o.required {
		required[name] = true
	}
	var list []leaf
	for _, p := range o.properties {
		path := append(slices.Clip(above), p.name)
		whole := p.kinds&^NullKind != ObjectKind || len(p.below.properties) == 0
		if whole || len(above) == 0 && slices.Contains(key, p.name) {
			list = append(list, leaf{p, path, required[p.name]})
			continue
		}
		list = append(list, p.below.leaves(path, nil)...)
	}
	return list
}

// name returns the name that a path wishes for. Of a name that is too long, one part after the other is abbreviated
// until it is short enough.
func (f Flatten) name(path []string) string {
	separator, most := f.Separator, f.MaxKeyLength
	if separator == "" {
		separator = "__"
	}
	if most == 0 {
		most = 255
	}
	name := strings.Join(path, separator)
	if len(path) == 1 {
		return name
	}
	parts := slices.Clone(path)
	for i := 0; i < len(parts) && utf8.RuneCountInString(name) >= most; i++ {
		parts[i] = abbreviated(parts[i])
		name = strings.Join(parts, separator)
	}
	return name
}

// wordStart finds where the words of a name begin that is written with_underscores.
var wordStart = regexp.MustCompile(`(?:^|_)(.)`)

// abbreviated returns the initials of a name's words, be they written with_underscores or in camelCase: everything but
// lower case letters. Where that leaves less than two characters it returns the first three instead.
func abbreviated(name string) string {
	camel := wordStart.ReplaceAllStringFunc(name, func(start string) string {
		_, size := utf8.DecodeLastRuneInString(start)
		return strings.ToUpper(start[len(start)-size:])
	})
	initials := []rune(strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' {
			return -1
		}
		return c
	}, camel))
	if len(initials) < 2 {
		initials = []rune(name)
		initials = initials[:min(3, len(initials))]
	}
	return strings.ToLower(string(initials))
}
