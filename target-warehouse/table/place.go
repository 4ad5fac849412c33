package table

import "strings"

// Place decides in which schema and under which name the table of a stream is kept. A stream's name is taken apart
// nowhere but at a prefix that SchemaMapping names.
func (o Options) Place(stream string) (schema, name string) {
	schema, name = o.Schema, stream
	if o.Integration != "" && o.IntegrationAs == "schema" {
		schema = o.Integration
	}
	longest := -1
	for source, target := range o.SchemaMapping {
		if rest, found := strings.CutPrefix(stream, source+"-"); found && rest != "" && len(source) > longest {
			longest, schema, name = len(source), target, rest
		}
	}
	if o.Integration != "" && o.IntegrationAs != "schema" {
		name = o.Integration + "_" + name
	}
	return schema, name
}
