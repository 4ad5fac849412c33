package singer

// Bookmarks is a tap's view of its state: a JSON object in which "bookmarks" holds one object per stream. What it does
// not know stays as it is. It is safe for several goroutines.
//
// https://hub.meltano.com/singer/spec#state
type Bookmarks struct{}

// ParseBookmarks reads a state document. Empty text and null are the empty state; a document wrapped as {"value": ...},
// as a STATE message is, is unwrapped. It does not keep state. Failures are of type [*ConfigError].
func ParseBookmarks(state []byte) (*Bookmarks, error) { return &Bookmarks{}, nil }

// Get decodes the bookmark of a stream into what into points to, and reports whether there is one. Numbers in an any
// are of type json.Number, so that no digit is lost.
func (b *Bookmarks) Get(stream string, into any) (bool, error) { return false, nil }

// Set replaces the bookmark of a stream by a value that encodes to a JSON object.
func (b *Bookmarks) Set(stream string, bookmark any) error { return nil }

// Value returns one member of a stream's bookmark as text: a string without its quotes, a number by its digits, "" when
// there is none.
func (b *Bookmarks) Value(stream, key string) string { return "" }

// Advance sets one member of a stream's bookmark to a string, unless that would move it backwards. Values are compared
// as times if both are RFC 3339, as integers if both are, else as text.
func (b *Bookmarks) Advance(stream, key, value string) error { return nil }

// SetCurrentlySyncing notes the stream that a run is busy with; "" clears the note.
func (b *Bookmarks) SetCurrentlySyncing(stream string) {}

// State returns the document as it stands now, on one line. Later changes do not reach it.
func (b *Bookmarks) State() State { return State{} }
