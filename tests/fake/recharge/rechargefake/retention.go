package rechargefake

import (
	"slices"
	"strings"
)

// gone is the last moment at which an object can be read, or 0. Paid charges age out of the API once they were
// processed 90 days ago, events after 7 days. status and processed are members of the object, as JSON text.
func (k *kind) gone(created int64, status, processed string) int64 {
	switch k.name {
	case "events":
		return created + EventRetention.Microseconds()
	case "charges":
		at, ok := parseTime(plainText([]byte(processed)))
		if ok && slices.Contains(paid, strings.ToLower(plainText([]byte(status)))) {
			return at + Retention.Microseconds()
		}
	}
	return 0
}

// goneOf is gone of an object's bytes.
func (k *kind) goneOf(created int64, raw []byte) int64 {
	return k.gone(created, string(memberRaw(raw, "status")), string(memberRaw(raw, "processed_at")))
}
