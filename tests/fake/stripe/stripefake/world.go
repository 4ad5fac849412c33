package stripefake

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"tapline/tests/fake/serve"
)

// world is what the seed decides: which objects there are and what they say.
// It is immutable, so objects may be made from it by many goroutines at once.
type world struct {
	doc     *document
	seed    uint64
	now     int64 // the clock at the start, unix seconds
	account string
	kinds   []*kind
	byName  map[string]*kind
	// connected are the ids of the accounts of a platform.
	connected []string
	created   map[string][]int64 // by kind, of the seeded objects, oldest first
}

// inline tells by its id whether a price was made inside of another object.
func inline(id string) bool { return id[len(id)-1] <= 'H' }

// newWorld fails when the options ask for what cannot be seeded.
func newWorld(doc *document, o Options) (*world, error) {
	w := &world{doc: doc, seed: o.Seed, now: o.Now.Unix(), account: o.Account, byName: map[string]*kind{}, created: map[string][]int64{}}
	for _, k := range allKinds() {
		_, counted := o.Counts[k.name]
		k.optional = k.optional && !o.AllKinds && !counted
		w.kinds = append(w.kinds, k)
		w.byName[k.name] = k
	}
	if o.InlinePrices {
		w.byName["prices"].listed = func(o decoded) bool { return !inline(text(o["id"])) }
	}
	for _, c := range o.Connected {
		w.connected = append(w.connected, c.Account)
	}
	if o.Objects < 0 || o.Span < 0 {
		return nil, fmt.Errorf("objects: %d, span: %s: want no negative number", o.Objects, o.Span)
	}
	for name, n := range o.Counts {
		if w.byName[name] == nil || n < 0 {
			return nil, fmt.Errorf("counts: %s: %d: want the name of a kind that can be seeded and a number from 0", name, n)
		}
	}
	for _, k := range w.kinds {
		w.created[k.name] = w.spread(k, o.count(k), o.Span)
	}
	return w, nil
}

// spread draws the moments at which n objects were created: more of them
// toward the present, many in the same second, some in bursts.
func (w *world) spread(k *kind, n int, span time.Duration) []int64 {
	r := w.random(k.name, n, "created")
	moments := make([]int64, n)
	for i := range moments {
		switch chance := r.Float64(); {
		case i > 0 && chance < 0.15:
			moments[i] = moments[i-1]
		case i > 0 && chance < 0.30:
			moments[i] = min(moments[i-1]+r.Int64N(3), w.now)
		default:
			// The larger of two draws makes the density grow linearly.
			back := min(r.Float64(), r.Float64())
			moments[i] = w.now - int64(back*span.Seconds())
		}
	}
	slices.Sort(moments)
	return moments
}

// random returns the randomness that belongs to one purpose of one object.
func (w *world) random(kind string, index int, purpose string) *rand.Rand {
	return serve.Random(w.seed, kind, index, purpose)
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func token(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// id returns the identifier of an object. Coupons and some plans have ids that
// the merchant chose.
func (w *world) id(k *kind, index int) string {
	switch {
	case k.name == "coupons" && index%2 == 0:
		return "SPRING-" + strconv.Itoa(index)
	case k.name == "plans" && index%4 == 0:
		return "gold-plan." + strconv.Itoa(index)
	case k.name == "accounts" && index < len(w.connected):
		return w.connected[index]
	case k.name == "country_specs":
		return string([]byte{'A' + byte(index/26%26), 'A' + byte(index%26)})
	}
	n := 24
	switch k.name {
	case "customers", "products", "plans":
		n = 14
	case "coupons":
		n = 8
	}
	return k.prefix + token(w.random(k.name, index, "id"), n)
}

// object makes the bytes of an object as a plain GET answers it.
func (w *world) object(k *kind, index int, created int64) []byte {
	return w.objectAs(w.id(k, index), k, index, created)
}

// objectAs is object under another id.
func (w *world) objectAs(id string, k *kind, index int, created int64) []byte {
	d := w.draw(k, index, created, "object")
	given := d.facts()
	given["id"] = quote(id)
	given[k.stampName()] = itoa(created)
	given["livemode"] = "false"
	given["test_clock"] = "null" // lists hide the objects of a test clock
	for _, name := range k.expandOnly {
		given[name] = absent
	}
	for i := range k.children {
		c := &k.children[i]
		if !c.shown(k) && c.latest == "" {
			continue
		}
		list := d.children(c, id)
		if c.shown(k) {
			given[c.name] = string(embeddedList(c, id, list))
		}
		if c.latest != "" {
			given[c.latest] = "null"
		}
		if c.latest != "" && len(list) > 0 {
			given[c.latest] = quote(memberText(list[0], "id"))
		}
		if c.shown(k) && c.counts != "" {
			given[c.counts] = itoa(sum(list, "amount"))
		}
	}
	return d.object(nil, w.doc.components[k.component], given, 0)
}

// extras makes the members that only expand[] brings and that are not lists
// with a path of their own.
func (w *world) extras(k *kind, index int, created int64) []member {
	d := w.draw(k, index, created, "extras")
	component := w.doc.components[k.component]
	var list []member
	for _, name := range k.expandOnly {
		if k.hasList(name) {
			continue
		}
		s := component.Properties[name]
		list = append(list, member{name, d.value(nil, s, name, component, 1)})
	}
	return list
}

// children makes the elements that an object starts with.
func (w *world) children(k *kind, c *child, index int, created int64, id string) [][]byte {
	d := w.draw(k, index, created, "object")
	d.facts() // it draws the currency, which the elements share
	return d.children(c, id)
}

// facts are the members that follow from other objects.
func (d *draw) facts() fields {
	if d.kind.facts == nil {
		return fields{}
	}
	return d.kind.facts(d)
}

func (w *world) draw(k *kind, index int, created int64, purpose string) *draw {
	return &draw{Rand: w.random(k.name, index, purpose), world: w, kind: k, index: index, created: created}
}

// status is the member of that name, without making the object if facts tell.
func (w *world) status(k *kind, index int, created int64) string {
	if status, ok := w.draw(k, index, created, "object").facts()["status"]; ok {
		return text([]byte(status))
	}
	return memberText(w.object(k, index, created), "status")
}

// singleton makes the answer for a resource of which an account has one.
func (w *world) singleton(component string) []byte {
	d := w.draw(&kind{name: component, component: component}, 0, w.now-5*365*86400, "object")
	given := fields{}
	if component == "account" {
		given = fields{
			"id": quote(w.account), "created": itoa(d.created), "type": `"standard"`,
			"country": `"US"`, "default_currency": `"usd"`, "charges_enabled": "true", "payouts_enabled": "true",
		}
	}
	return d.object(nil, w.doc.components[component], given, 0)
}
