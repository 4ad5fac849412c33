package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"tapline/tests/fake/stripe/stripefake"
)

// A measurement is a named way to measure something.
type measurement struct {
	name    string
	measure func(b *bench) ([]Figure, error)
}

var cases = []measurement{
	{"backfill of one stream", func(b *bench) ([]Figure, error) {
		return b.backfill(map[string]int{"charges": 75_000}, endpointRate)
	}},
	{"backfill of eight streams", func(b *bench) ([]Figure, error) {
		return b.backfill(map[string]int{"charges": 60_000, "payment_intents": 60_000, "balance_transactions": 50_000, "invoices": 40_000,
			"customers": 40_000, "refunds": 20_000, "disputes": 20_000, "transfers": 10_000}, accountRate)
	}},
	{"changes of one in four objects", func(b *bench) ([]Figure, error) { return b.changes(500, 4) }},
	{"changes of one in a hundred objects", func(b *bench) ([]Figure, error) { return b.changes(150, 100) }},
	{"no limits", (*bench).cost},
	{"memory", (*bench).memory},
}

// bench is what the cases share.
type bench struct {
	tap, dir           string
	speed, rate, scale float64
}

func (b *bench) scaled(n int) int { return max(100, int(float64(n)*b.scale)) }

// backfill reads an account whose objects are spread over two years.
func (b *bench) backfill(objects map[string]int, allowed float64) ([]Figure, error) {
	sizes, pages := map[string]int{}, 0
	for kind, n := range objects {
		sizes[kind] = b.scaled(n)
		pages += (sizes[kind] + 99) / 100
	}
	a, err := open(b.limited(stripefake.Options{Bulk: sizes}))
	if err != nil {
		return nil, err
	}
	defer a.close()
	run, err := b.run(a, slices.Sorted(maps.Keys(sizes)), "")
	if err != nil {
		return nil, err
	}
	if err := run.has(sizes); err != nil {
		return nil, err
	}
	answers := a.taken()
	u := use(answers, b.granted(allowed))
	share := u.share
	if len(sizes) == 1 { // what is allowed is the rate of the list, and the requests before and behind it are not of it
		share = use(ofLists(answers, sizes), b.granted(allowed)).share
	}
	lists := 0
	for _, x := range ofLists(answers, sizes) {
		if x.status == 200 {
			lists++
		}
	}
	figures := []Figure{
		{Name: "share of the allowed rate", Value: share, AtLeast: 0.95},
		{Name: "from the first request of the run to its last", Value: u.share},
		{Name: "requests for a page of data", Value: float64(lists) / float64(pages), AtMost: 1.05},
		{Name: "refused requests", Value: float64(u.refused)},
		{Name: "records", Value: float64(run.records) / run.wall.Seconds() / (b.speed * b.rate), Unit: "a second"},
	}
	plain, err := a.walk("/v1/"+slices.Sorted(maps.Keys(sizes))[0], max(10, pages/50))
	if err != nil {
		return nil, err
	}
	return append(figures, Figure{Name: "as quick as page after page", Value: plain.Seconds() * float64(pages) / run.wall.Seconds(), Unit: "times"}), nil
}

// changed are the kinds that are changed in the case about changes. All of their updates have events.
var changed = []string{"charges", "customers", "invoices", "subscriptions"}

// changes reads what has changed since an earlier run: so many objects of each kind, of any age, one of so many.
func (b *bench) changes(each, oneOf int) ([]Figure, error) {
	counts := map[string]int{}
	each = b.scaled(each)
	for _, kind := range changed {
		counts[kind] = oneOf * each
	}
	a, err := open(b.limited(stripefake.Options{Seed: 1, Counts: counts}))
	if err != nil {
		return nil, err
	}
	defer a.close()
	first, err := b.run(a, changed, "")
	if err != nil {
		return nil, err
	}
	if err := a.Advance(time.Hour); err != nil {
		return nil, err
	}
	for _, kind := range changed {
		objects, err := a.Objects(kind)
		if err != nil {
			return nil, err
		}
		for i := range each {
			_, rest, _ := strings.Cut(string(objects[oneOf*i]), `"id":"`)
			id, _, _ := strings.Cut(rest, `"`)
			if err := a.Update(kind, id, fmt.Appendf(nil, `{"metadata":{"serial":"%d"}}`, i)); err != nil {
				return nil, err
			}
		}
	}
	if err := a.Advance(time.Hour); err != nil {
		return nil, err
	}
	a.taken()
	second, err := b.run(a, changed, first.state)
	if err != nil {
		return nil, err
	}
	events, lists, objects := sorted(a.taken())
	byID, all := use(objects, b.granted(accountRate)), float64(each*len(changed))
	refused := byID.refused + use(events, 1).refused + use(lists, 1).refused
	figures := []Figure{
		{Name: "requests for a changed object", Value: float64(len(events)+len(lists)+len(objects)-refused) / all},
		{Name: "of these for events", Value: float64(len(events)) / all},
		{Name: "of these for lists", Value: float64(len(lists)) / all},
		{Name: "of these for objects by their ids", Value: float64(len(objects)) / all},
		{Name: "refused requests", Value: float64(refused)},
		{Name: "changed objects", Value: all / second.wall.Seconds() / (b.speed * b.rate), Unit: "a second"},
	}
	if len(objects) > 0 {
		figures = append(figures, Figure{Name: "share of the allowed rate by ids", Value: byID.share})
	}
	return figures, nil
}

// ofLists are the answers that show the lists of kinds.
func ofLists(answers []answer, kinds map[string]int) (list []answer) {
	for _, a := range answers {
		if kinds[path.Base(a.path)] > 0 {
			list = append(list, a)
		}
	}
	return list
}

// sorted divides answers into those of events, those of other lists, and those of single objects.
func sorted(answers []answer) (events, lists, objects []answer) {
	for _, a := range answers {
		switch {
		case a.path == "/v1/events":
			events = append(events, a)
		case strings.Count(a.path, "/") == strings.Count("/v1/charges", "/"):
			lists = append(lists, a)
		default:
			objects = append(objects, a)
		}
	}
	return events, lists, objects
}

// cost reads as fast as the machine lets it, the fake included.
func (b *bench) cost() ([]Figure, error) {
	n := b.scaled(2_000_000)
	before := ownTime()
	run, err := b.unlimited(n)
	if err != nil {
		return nil, err
	}
	fake := ownTime() - before
	return []Figure{
		{Name: "records, the fake on the same machine", Value: float64(n) / run.wall.Seconds(), Unit: "a second", AtLeast: 100_000},
		{Name: "processor time of the tap for a record", Value: run.cpu.Seconds() * 1e6 / float64(n), Unit: "µs", AtMost: 10},
		{Name: "processor time of the fake for a record", Value: fake.Seconds() * 1e6 / float64(n), Unit: "µs"},
	}, nil
}

// memory reads ten million objects.
func (b *bench) memory() ([]Figure, error) {
	n := b.scaled(10_000_000)
	run, err := b.unlimited(n)
	if err != nil {
		return nil, err
	}
	return []Figure{
		{Name: "objects", Value: float64(n)},
		{Name: "peak memory", Value: float64(run.memory) / (1 << 20), Unit: "MiB", AtMost: 150},
	}, nil
}

func (b *bench) unlimited(n int) (tapRun, error) {
	sizes := map[string]int{"charges": n / 2, "balance_transactions": n - n/2}
	a, err := open(stripefake.Options{Bulk: sizes})
	if err != nil {
		return tapRun{}, err
	}
	defer a.close()
	run, err := b.run(a, []string{"charges", "balance_transactions"}, "")
	if err != nil {
		return run, err
	}
	return run, run.has(sizes)
}
