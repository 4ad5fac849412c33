package rechargefake

import (
	"slices"
	"time"
)

// kind is one resource that the API lists: a row of the table.
type kind struct {
	name  string // of the stream
	path  string // of the list, if it is not the name
	one   string // what wraps a single object
	share int    // of 1,000 objects, how many are of this kind
	base  int64  // below every id

	fields []field
	facts  func(*draw) facts
	naive  bool          // times are written without an offset
	span   time.Duration // before the clock's start, over which objects are made; 0: as the options say

	scopes   []string // each lets a token read it
	filters  []filter
	sorts    []string // besides id and, for what has it, updated_at
	includes []include
	required string // parameter without which a list is refused
	hidden   hiding // what a list shows only when asked to
	alone    bool   // no single object can be read
	below    string // kind of the parent in whose path alone it is listed
	plain    bool   // no list can be sorted by updated_at
}

// hiding is a member that keeps an object out of a list, unless a parameter is true.
type hiding struct{ param, member string }

// include is an object or a list that include= adds to a record: the objects of a kind whose member theirs equals the
// record's member mine. Without a kind the list is always empty.
type include struct {
	name, kind, mine, theirs string
	one                      bool
}

// Retention is how long after it was processed a paid charge can be read; EventRetention how long an event can.
const (
	Retention      = 90 * 24 * time.Hour
	EventRetention = 7 * 24 * time.Hour
)

// urlPath is the path of the list.
func (k *kind) urlPath() string {
	if k.path != "" {
		return k.path
	}
	return k.name
}

// sortable reports whether a list can be sorted by a member.
func (k *kind) sortable(member string) bool {
	return member == "id" || member == "updated_at" && !k.plain || slices.Contains(k.sorts, member)
}
