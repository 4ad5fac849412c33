package main

import (
	"encoding/json"
	"slices"
	"time"
)

// A stream is one kind of object and how Stripe shows it: as a list, below another object, or by itself.
//
// Lists show the newest object first. Most of them can be restricted to a range of creation times.
// https://docs.stripe.com/api/pagination
type stream struct {
	name   string // in the catalog and in package schemas
	path   string // of the list, or of the object if single; "" for a child stream, whose path its parentage has
	cursor string // the object's field with its time of creation; "" where the list cannot be asked for a range of times
	// lists are the queries that together show every object. Most lists need no parameter for that.
	lists []string
	// expand names what Stripe leaves out of the objects unless asked for it.
	expand []string
	// retention is how long Stripe keeps the objects; zero: for good.
	retention time.Duration

	into   string     // of a branch, the stream that its records are of; "": it is a stream itself
	object string     // what "object" says in its objects, by which an event's data.object is recognised; "" if no event speaks of them
	parent *parentage // of a child stream; nil for the others
	full   bool       // its list cannot be asked for a range of times, so that it is read whole in each run
	single bool       // path shows one object, not a list
	// complete tells that objects can be deleted, and that the list, or those of all parents together, shows every one
	// there is: what a whole reading does not bring is gone. Of what is only deletable some are in no list.
	complete, deletable bool
	// clocked tells that the list hides what belongs to a test clock, which there are in test mode.
	clocked bool
	// undated tells that objects may lack their time of creation.
	undated bool
	// unpaged tells that the list takes no parameter limit and comes whole.
	unpaged bool

	// triggers are events about other objects after which objects of this stream have to be read anew.
	triggers []trigger
	// lookback is how far before the bookmark every run lists anew, because creations have no event, or not always one.
	lookback time.Duration
	// reconcile is how often the whole list is due again, because events are incomplete; 0: never.
	reconcile time.Duration

	// time names a field with a moment that records get, because nothing else tells them apart; moment says which, in
	// Unix seconds.
	time   string
	moment func(f found) int64

	costly     bool   // costs a request for each of a great many parents, so that it is read only when it is selected
	product    bool   // exists only in accounts that use the product it belongs to
	files      bool   // counts for the smaller budget that Stripe has for files
	permission string // what a restricted key needs, as Stripe's answers name it (rak_...); "" if that is not known
}

// A parentage says how the objects of a child stream hang on those of another stream.
type parentage struct {
	stream   string // the parent's name
	embedded string // path in the parent of the list whose first page it shows, such as "lines"; "": it shows none
	path     string // of the list of one parent's children; {id} stands for the parent's id, {ownership} for that field of it; "": there is none
	query    string // parameters that this list needs, with the same marks
	as       string // field with the parent's id, which records get if the object lacks it; "": none
	// expanded tells that the parent shows its embedded list only when asked to expand it. Without a path, it shows the ids.
	expanded bool
	// instead is the member with the one child that is shown in full where the list at embedded shows ids, as in events.
	instead string
	// one tells that the path is not of a list, but of the one object that the parent names.
	one bool
	// metered tells that the path is asked for by customer, too, and for whole days.
	metered bool
	// refusable tells that Stripe may refuse the children of single parents, for reasons that lie in these.
	refusable bool
	// needed tells by the parent whether there can be children; nil: always.
	needed func(parent json.RawMessage) bool
}

// A trigger names events about other objects that change objects of a stream.
type trigger struct {
	prefix string // of event types: "charge.refunded", or "invoice." for all of invoices
	id     string // member of the event's data.object with the id of the object or parent to read: "id", "charge"
}

// streams are all that can be read, by area.
var streams = slices.Concat(moneyStreams, customerStreams, billingStreams, salesStreams, accountStreams, productStreams)

// longest are the streams that tend to be longest, and begin first for that reason.
var longest = []string{"balance_transactions", "charges", "payment_intents", "invoices", "events", "customers", "subscriptions"}

// The intervals at which lists are due again whose events are known to miss changes.
const (
	daily  = 24 * time.Hour
	weekly = 7 * 24 * time.Hour
)

// bare is the list without parameters.
var bare = []string{""}

// findStream returns the stream of that name, or nil.
func findStream(name string) *stream {
	for i := range streams {
		if streams[i].name == name {
			return &streams[i]
		}
	}
	return nil
}

// root returns the stream on which a child stream hangs in the end; of any other stream the stream itself.
func (st *stream) root() *stream {
	for st.parent != nil {
		st = findStream(st.parent.stream)
	}
	return st
}

// heardOf tells whether there is no list of the objects, so that only events tell of them.
func (st *stream) heardOf() bool {
	return st.parent == nil && len(st.lists) == 0 && !st.single && st.object != ""
}

// hidden lists the fields of a stream's objects that are expanded for child streams only, and left out of its records.
func (st *stream) hidden() []string {
	var names []string
	for i := range streams {
		if p := streams[i].parent; p != nil && p.stream == st.name && p.expanded && !slices.Contains(names, p.embedded) {
			names = append(names, p.embedded)
		}
	}
	return names
}
