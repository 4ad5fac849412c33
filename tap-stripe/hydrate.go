package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76/form"
	"golang.org/x/sync/errgroup"
)

const (
	// readsAtOnce is how many objects of a stream are asked for side by side: at a second an answer, all that Stripe
	// grants one endpoint. The client's own limit holds them back where it is less.
	readsAtOnce = 25
	// writtenAtOnce bounds the objects that are held until they are written.
	writtenAtOnce = 100
	// worthAPage is how many objects a page of a list has to spare reading by themselves.
	worthAPage = 2
)

// hydrate reads every object of a window anew and writes what Stripe shows. Streams go side by side, but children
// behind their parents: of two answers about one object, the later must be written later.
func (f *follower) hydrate(ctx context.Context, w *changes) error {
	f.dropListed(w)
	if err := f.rereadLists(ctx, w); err != nil {
		return err
	}
	for _, children := range []bool{false, true} {
		if err := f.rereadObjects(ctx, w, children, false); err != nil {
			return err
		}
	}
	if !f.missingAny(w) {
		return nil
	}
	// The copy of the data that was asked may have been a little behind.
	if err := sleep(ctx, time.Duration(f.settings.Recheck)*time.Second); err != nil {
		return err
	}
	for _, children := range []bool{false, true} {
		if err := f.rereadObjects(ctx, w, children, true); err != nil {
			return err
		}
	}
	return f.keepPending(w)
}

// rereadLists writes the objects of the lists that events made stale.
func (f *follower) rereadLists(ctx context.Context, w *changes) error {
	for key, c := range w.lists {
		if f.hasFailed(key.job) {
			continue
		}
		if err := f.judge(key.job, f.rereadList(ctx, w, key, c)); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) rereadList(ctx context.Context, w *changes, key listKey, c *change) error {
	st, after := key.job.stream, ""
	for {
		answer, err := f.client.list(ctx, request{account: f.account, path: st.path,
			query: listQuery(key.job, key.query, after), size: f.pageSize(st)})
		if err != nil {
			return err
		}
		var list []found
		for _, object := range answer.objects {
			own, one := c, changeKey{job: key.job, id: textOf(member(object, "id"))}
			if known := w.objects[one]; known != nil {
				own = later(known, c)
				f.done(w, known)
			}
			if !f.isListed(one, own.newest) {
				list = append(list, own.found(object, answer.read))
			}
		}
		if err := f.writeFound(ctx, w, key.job, list, nil); err != nil || !answer.more {
			return err
		}
		if after, err = nextAfter(st, answer.objects, after); err != nil {
			return err
		}
	}
}

func later(a, b *change) *change {
	if b.newest > a.newest {
		return b
	}
	return a
}

// rereadObjects reads the objects of streams that are nobody's children, or those of the others. If again, only
// those are left that were not found before.
func (f *follower) rereadObjects(ctx context.Context, w *changes, children, again bool) error {
	byJob := map[*job][]*change{}
	for _, c := range w.objects {
		if (c.job.stream.parent != nil) == children {
			byJob[c.job] = append(byJob[c.job], c)
		}
	}
	return f.eachOf(ctx, slices.Collect(maps.Keys(byJob)), func(ctx context.Context, j *job) error {
		list := byJob[j]
		slices.SortFunc(list, func(a, b *change) int {
			return cmp.Or(cmp.Compare(b.created(), a.created()), strings.Compare(a.id, b.id))
		})
		if again {
			return f.readEach(ctx, w, j, list)
		}
		for _, cheaper := range []func(context.Context, *changes, *job, []*change) ([]*change, error){f.takeShown, f.readNamed, f.readYoung} {
			var err error
			if list, err = cheaper(ctx, w, j, list); err != nil {
				return err
			}
		}
		return f.readEach(ctx, w, j, list)
	})
}

// created is when the object was created, as far as events show it.
func (c *change) created() int64 {
	if c.shown == nil {
		return 0
	}
	at, err := strconv.ParseInt(string(member(c.shown, c.job.stream.cursor)), 10, 64)
	if err != nil {
		return 0
	}
	return at
}

// namedLists are the lists that can be asked for up to a page of ids.
var namedLists = map[string]string{"products": "ids[]"}

// readNamed reads changed objects by lists of their ids, where there is such a thing. It returns what remains.
func (f *follower) readNamed(ctx context.Context, w *changes, j *job, list []*change) ([]*change, error) {
	parameter := namedLists[j.stream.name]
	if parameter == "" || len(list) < worthAPage {
		return list, nil
	}
	var rest []*change
	for part := range slices.Chunk(list, f.settings.PageSize) {
		q := listQuery(j, "", "")
		for _, c := range part {
			q.Add(parameter, c.id)
		}
		answer, err := f.client.list(ctx, request{account: f.account, path: j.stream.path, query: q, size: f.pageSize(j.stream)})
		if err != nil {
			return nil, err
		}
		taken, err := f.takePage(ctx, w, j, part, answer)
		if err != nil {
			return nil, err
		}
		rest = append(rest, without(part, taken)...)
	}
	return rest, nil
}

// readYoung reads changed objects, sorted from the youngest to the oldest, by pages of the list while that takes fewer
// requests than asking for each. Most changes happen to young objects. It returns what remains.
func (f *follower) readYoung(ctx context.Context, w *changes, j *job, list []*change) ([]*change, error) {
	st := j.stream
	if st.parent != nil || st.cursor == "" || len(st.lists) == 0 {
		return list, nil
	}
	var hidden []*change
	for len(list) > worthAPage && list[0].created() > 0 {
		q := listQuery(j, st.lists[0], "")
		q.Add("created[lte]", strconv.FormatInt(list[0].created(), 10))
		answer, err := f.client.list(ctx, request{account: f.account, path: st.path, query: q, size: f.pageSize(st)})
		if err != nil {
			return nil, err
		}
		taken, err := f.takePage(ctx, w, j, list, answer)
		if err != nil {
			return nil, err
		}
		reached, err := oldestOn(answer, st)
		if err != nil {
			return nil, err
		}
		list = without(list, taken)
		// What is younger than the page's end, and not on it, the list does not show.
		end := slices.IndexFunc(list, func(c *change) bool { return c.created() <= reached })
		if end < 0 {
			end = len(list)
		}
		hidden, list = append(hidden, list[:end]...), list[end:]
		if len(taken) < worthAPage {
			break
		}
	}
	return append(hidden, list...), nil
}

// oldestOn is the creation of the last object on a page; 0 on the last page.
func oldestOn(answer *page, st *stream) (int64, error) {
	if !answer.more || len(answer.objects) == 0 {
		return 0, nil
	}
	entries, err := identifyAll(st, answer.objects[len(answer.objects)-1:])
	if err != nil {
		return 0, err
	}
	return entries[0].created, nil
}

// takePage writes those objects of a page that are on a list of changes, and returns their changes.
func (f *follower) takePage(ctx context.Context, w *changes, j *job, list []*change, answer *page) ([]*change, error) {
	known := map[string]*change{}
	for _, c := range list {
		known[c.id] = c
	}
	var objects []found
	var taken []*change
	for _, object := range answer.objects {
		if c := known[textOf(member(object, "id"))]; c != nil {
			objects, taken = append(objects, c.found(object, answer.read)), append(taken, c)
		}
	}
	return taken, f.writeFound(ctx, w, j, objects, taken)
}

// without returns the changes of a list that are not taken.
func without(list, taken []*change) []*change {
	gone := map[*change]bool{}
	for _, c := range taken {
		gone[c] = true
	}
	return slices.DeleteFunc(slices.Clone(list), func(c *change) bool { return gone[c] })
}

// readEach asks for every object by its id.
func (f *follower) readEach(ctx context.Context, w *changes, j *job, list []*change) error {
	for part := range slices.Chunk(list, writtenAtOnce) {
		answers, err := f.readPart(ctx, part)
		if err != nil {
			return err
		}
		var objects []found
		var taken, gone []*change
		for i, c := range part {
			came := answers[i]
			switch {
			case came == nil: // Stripe shows it to nobody but its owner
				f.mu.Lock()
				f.done(w, c)
				f.mu.Unlock()
			case came.raw != nil && string(member(came.raw, columnDeleted)) != "true":
				objects, taken = append(objects, c.found(came.raw, came.read)), append(taken, c)
			case came.raw != nil || f.believed(w, c):
				c.read = came.read
				gone = append(gone, c)
			}
		}
		if err := f.writeFound(ctx, w, j, objects, taken); err != nil {
			return err
		}
		if err := f.writeGone(w, j, gone); err != nil {
			return err
		}
	}
	return nil
}

// readPart asks for objects side by side.
func (f *follower) readPart(ctx context.Context, part []*change) ([]*object, error) {
	answers := make([]*object, len(part))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readsAtOnce)
	for i, c := range part {
		group.Go(func() (err error) {
			answers[i], err = f.readOne(ctx, c)
			return err
		})
	}
	return answers, group.Wait()
}

// readOne asks for one object. Of one that Stripe does not have there is only the time of the answer. One that Stripe
// does not show, for reasons that lie in its parent, is nil.
func (f *follower) readOne(ctx context.Context, c *change) (*object, error) {
	r := readRequest(c.job, c.parent, c.id)
	r.account = f.account
	came, err := f.client.retrieve(ctx, r)
	var api *APIError
	switch {
	case errors.As(err, &api) && api.missing():
		return &object{read: cmp.Or(serverDate(api.header), f.now)}, nil
	case err != nil && c.job.stream.parent != nil:
		return nil, f.judgeChild(c.job, err)
	}
	return came, err
}

// ownPaths are where objects are read that belong to a parent but outlive it, by what "object" says.
var ownPaths = map[string]string{"payment_method": "/v1/payment_methods/{id}"}

// nested tells whether objects of a stream are read below their parent.
func nested(st *stream) bool {
	return st.parent != nil && ownPaths[st.object] == "" && strings.Contains(st.parent.path, "{id}")
}

// readRequest asks for one object as its stream shows it.
func readRequest(j *job, parent, id string) request {
	var r request
	st := j.stream
	switch own := ownPaths[st.object]; {
	case own != "":
		r = byID(own, id)
	case nested(st):
		above := byID(st.parent.path, parent)
		r = byID(above.path+"/{id}", id)
		r.endpoint = st.parent.path + "/{id}"
	case st.parent != nil:
		r = byID(st.parent.path+"/{id}", id)
	default:
		r = byID(st.path+"/{id}", id)
	}
	r.query = &form.Values{}
	for _, path := range j.expand() {
		r.query.Add("expand[]", strings.TrimPrefix(path, "data."))
	}
	return r
}

// parentMembers are the members with a parent's id, by the parent's stream.
var parentMembers = map[string]string{"customers": "customer", "accounts": "account", "account": "account", "transfers": "transfer", "application_fees": "fee"}

// parentMember is the member of a nested object that holds its parent's id.
func parentMember(j *job) string {
	if as := j.stream.parent.as; as != "" {
		return as
	}
	return parentMembers[j.stream.parent.stream]
}

// found is an object that was read because of the change.
func (c *change) found(object json.RawMessage, read time.Time) found {
	return found{object: object, read: read, updated: c.newest, updatedBy: c.by}
}

// writeFound writes objects that were read anew, with their children, and takes them off the window. taken are their
// changes, in the same order; nil if no event told of them by themselves.
func (f *follower) writeFound(ctx context.Context, w *changes, j *job, objects []found, taken []*change) error {
	if len(objects) == 0 {
		return nil
	}
	batches, err := f.withChildren(ctx, batch{job: j, account: f.account, found: objects})
	if err != nil {
		return err
	}
	here := idsOf(batches[1:])
	for i, c := range taken {
		lost, err := f.lostChildren(ctx, c, objects[i], here)
		if err != nil {
			return err
		}
		batches = append(batches, lost...)
	}
	f.mu.Lock()
	for _, b := range batches[1:] {
		f.takeChildren(w, b)
	}
	for _, c := range taken {
		f.done(w, c)
	}
	f.mu.Unlock()
	return f.emit(batches, nil)
}

// takeChildren takes children off the window that were read with their parents.
func (f *follower) takeChildren(w *changes, b batch) {
	for i := range b.found {
		object := b.found[i].object
		if c := w.objects[changeKeyOf(b.job, object)]; c != nil && b.found[i].deletedAt == 0 {
			b.found[i] = c.found(object, b.found[i].read)
			f.done(w, c)
		}
	}
}

// changeKeyOf is what an object of a job is known by in a window.
func changeKeyOf(j *job, object json.RawMessage) changeKey {
	key := changeKey{job: j, id: textOf(member(object, "id"))}
	if nested(j.stream) {
		key.parent = idOf(member(object, parentMember(j)))
	}
	return key
}

// done takes an object off the window, and off what earlier runs could not find.
func (f *follower) done(w *changes, c *change) {
	delete(w.objects, c.changeKey)
	maps.DeleteFunc(w.pending, func(_, id string) bool { return id == c.id })
}
