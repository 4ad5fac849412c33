package load

import (
	"encoding/json"
	"fmt"

	"tapline/target-warehouse/table"
)

// leastProperties is how many properties a stream must have for them to tell one source from another: a few are soon renamed.
const leastProperties = 8

// refuseMixed finds a SCHEMA that has next to nothing in common with what its table was made from, by whichever pipeline.
// Then two sources have a stream of this name, such as customers, and neither has a schema of its own: records of one would
// be taken for rows of the other. A reload says that the source has changed.
func (s *splitter) refuseMixed(t *table.Table) error {
	was, loaded := s.options.Memory.Tables[t.Stream]
	if !was.ReloadRequestedAt.IsZero() || t.Method == table.Overwrite {
		return nil
	}
	before, now, both := map[string]bool{}, map[string]bool{}, 0 // properties; how deep they are flattened is all the same
	for path := range s.options.Memory.Filled[[2]string{t.Schema, t.Name}] {
		var names []string
		if json.Unmarshal([]byte(path), &names) == nil && len(names) > 0 {
			before[names[0]] = true
		}
	}
	for _, c := range t.Columns {
		if c.Property != "" && !now[c.Property] {
			if now[c.Property] = true; before[c.Property] {
				both++
			}
		}
	}
	if least := min(len(before), len(now)); least < leastProperties || 2*both >= least {
		return nil
	}
	cure := "give each source a default_target_schema and a pipeline of its own"
	if loaded {
		cure += ", or, if it is the same one with other properties, run target-warehouse reload " + t.Stream + " first"
	}
	return fmt.Errorf("of the %d properties in its SCHEMA, its table %s knows %d, and %d others: another source seems to be loaded there; %s",
		len(now), t.Name, both, len(before)-both, cure)
}
