package singer

import (
	"encoding/json"
	"fmt"
)

// Config holds the settings of a run: read from files and environment, free of faults, defaults filled in.
type Config struct {
	values map[string]any // numbers are of type json.Number
}

// Decode stores the settings in the struct that into points to, by its json tags. Settings that the struct does not
// name are left out. Settings that the config's schema marks as sensitive fit fields of type [Secret].
func (c *Config) Decode(into any) error {
	text, err := json.Marshal(c.values)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("decoding the settings: %w", err)
	}
	return nil
}
