package main

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"tapline/target-warehouse/journal"
)

// checkPlaces looks whether the settings put streams that the pipeline has loaded into other tables than before, where
// their earlier rows would not be: the tap goes on from its state and sends only what is new. integration_name_as may not
// change once there are tables, of which it returns the fault; of all else that moves tables it warns.
func (s *settings) checkPlaces(known *journal.Memory, log *slog.Logger) (fault string) {
	now, other := s.tableOptions(), s.tableOptions()
	other.IntegrationAs = map[string]string{"prefix": "schema", "schema": "prefix"}[now.IntegrationAs]
	if other.IntegrationAs == "prefix" {
		other.Schema = engines[s.Destination].schema // integration_name_as schema allows no other
	}
	var moved []string
	for _, stream := range slices.Sorted(maps.Keys(known.Tables)) {
		t := known.Tables[stream]
		was := [2]string{t.Schema, t.Name}
		if schema, name := now.Place(stream); was == [2]string{schema, name} {
			continue
		}
		if schema, name := other.Place(stream); s.Integration != "" && was == [2]string{schema, name} {
			return fmt.Sprintf("integration_name_as is %q, but this pipeline's tables were made with %q, and it cannot change; "+
				"set it back, or give the pipeline another name to load into new tables", now.IntegrationAs, other.IntegrationAs)
		}
		moved = append(moved, stream)
	}
	if moved != nil {
		log.Warn("the settings put streams into other tables than before, and rows that were loaded earlier are not there; "+
			"set default_target_schema and schema_mapping back, or have each stream read from its beginning by target-warehouse reload; "+
			"or, if these are two pipelines, give each a name of its own by the setting pipeline", "streams", moved)
	}
	return ""
}
