package main

import (
	"context"
	"slices"
)

// collect reads the ids that the records of a stream's parent hold, sorted and each once.
func (s *syncer) collect(ctx context.Context, j *job, p *parent) ([]string, error) {
	var ids []string
	owner := findStream(p.stream)
	err := s.each(ctx, j, newList(owner, owner.path, queryOf(byID)), func(object []byte) {
		if id := textOf(lookup(object, p.field)); id != "" {
			ids = append(ids, id)
		}
	})
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// each tells use of every object of a list. A cursor that is refused is cured by reading the list again, once, so that
// use may see an object twice.
func (s *syncer) each(ctx context.Context, j *job, l *list, use func(object []byte)) error {
	for {
		page, err := l.next(ctx, s.client, &j.size)
		if refusedCursor(err) && l.cursor != "" && !j.restarted {
			j.restarted = true
			l.cursor = ""
			clear(l.seen)
			continue
		}
		if err != nil {
			return err
		}
		s.mu.Lock()
		j.progress.request()
		s.mu.Unlock()
		for _, object := range page.Items {
			use(object)
		}
		if page.Next == "" {
			return nil
		}
	}
}

// Subscribers are the customers and payment methods that active subscriptions name.
type subscribers struct {
	customers map[string]bool
	// methods are those of the addresses that active subscriptions go to. If such an address names none, it is one of its
	// customer's, who is then in anyOf.
	methods, anyOf map[string]bool
}

// readSubscribers reads all active subscriptions.
func (s *syncer) readSubscribers(ctx context.Context) (*subscribers, error) {
	found := &subscribers{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	st := findStream("subscriptions")
	j := &job{stream: st, size: pageSize{now: s.settings.PageSize, most: s.settings.PageSize}}
	l := newList(st, st.path, queryOf(byID, "status", "active", "include", "address"))
	return found, s.each(ctx, j, l, found.add)
}

// add takes note of an active subscription.
func (f *subscribers) add(subscription []byte) {
	customer := textOf(lookup(subscription, "customer_id"))
	f.customers[customer] = true
	if method := textOf(lookup(subscription, "include.address.payment_method_id")); method != "" {
		f.methods[method] = true
	} else {
		f.anyOf[customer] = true
	}
}

func (f *subscribers) hasCustomer(customer []byte) bool {
	return f.customers[textOf(lookup(customer, "id"))]
}

func (f *subscribers) hasMethod(method []byte) bool {
	return f.methods[textOf(lookup(method, "id"))] || f.anyOf[textOf(lookup(method, "customer_id"))]
}

// stream returns the stream of that name as the setting scope makes it, or nil. Whether a customer is subscribed is not
// told by the time of its last change, so those streams are read whole.
func (s *settings) stream(name string) *stream {
	st := findStream(name)
	if st == nil || !s.scoped(name) {
		return st
	}
	scoped := *st
	if scoped.replicationKey != "" {
		scoped.replicationKey, scoped.query = "", byID
	}
	return &scoped
}

// scoped tells whether the setting scope leaves something of a stream out.
func (s *settings) scoped(name string) bool {
	return s.Scope == scopeSubscribed && (name == "customers" || name == tokenStream)
}

// keepSubscribed makes a scoped stream leave out what does not belong to an active subscription.
func (s *syncer) keepSubscribed(j *job) error {
	if !s.settings.scoped(j.stream.name) {
		return nil
	}
	found, err := s.subscribed()
	if err != nil {
		return err
	}
	j.records.keep = found.hasMethod
	if j.stream.name == "customers" {
		j.records.keep = found.hasCustomer
	}
	return nil
}
