package singer

import (
	"fmt"
	"log/slog"
)

// Secret is a setting that must not be shown, such as an API key. However it is printed, logged or marshalled, it
// comes out as ***; only [Secret.Reveal] gives the text. JSON strings decode into it.
type Secret string

const mask = "***"

// Reveal returns the secret's text. Hand it to the one who needs it and keep it out of messages.
func (s Secret) Reveal() string { return string(s) }

// Format prints the mask for every verb of package fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(mask)) }

// String returns the mask.
func (s Secret) String() string { return mask }

// MarshalText returns the mask, to encoding/json as well.
func (s Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue gives package slog the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(mask) }
