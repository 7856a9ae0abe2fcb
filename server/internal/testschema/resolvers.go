package testschema

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"roost/internal/caller"
	"roost/internal/errs"
	"roost/internal/pullstream"
	"roost/internal/reqstats"
)

// Resolvers answer the schema; the channels are the test's hand in it. The zero value works for
// everything that needs no hand.
type Resolvers struct {
	// Items feeds Subscription.feed; nil sends nothing.
	Items chan *Item
	// Gate holds the gate fields back until it is closed.
	Gate chan struct{}
	// Ended makes Subscription.sessionEnded send its one event.
	Ended chan struct{}
	// Bumped counts runs of Mutation.bump.
	Bumped atomic.Int32
	// Running counts operations inside gate, hang and the subscriptions.
	Running atomic.Int32
	// Flooded counts the texts that flood has handed on.
	Flooded atomic.Int64
	// Seen counts the runs of Item.seen; SeenFaults is how many of them still fail.
	Seen, SeenFaults atomic.Int64

	mu        sync.Mutex
	listeners map[*listener]struct{} // one for each Subscription.shared
}

// Broadcast sends an item to each Subscription.shared, and returns how many there are.
func (r *Resolvers) Broadcast(it Item) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for l := range r.listeners {
		l.items <- &it
		if wake := l.wait(nil); wake != nil {
			wake()
		}
	}
	return len(r.listeners)
}

// listener is a Subscription.shared.
type listener struct {
	items chan *Item
	mu    sync.Mutex
	wake  func()
}

// wait replaces what is called for the next item, and returns what was to be called.
func (l *listener) wait(wake func()) (before func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, l.wake = l.wake, wake
	return before
}

func (l *listener) ready(wake func()) bool {
	l.wait(wake)
	return len(l.items) > 0 && l.wait(nil) != nil
}

// Listeners returns how many Subscription.shared run.
func (r *Resolvers) Listeners() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.listeners)
}

// Query has the resolvers of the type.
func (r *Resolvers) Query() QueryResolver { return query{r} }

// Mutation has the resolvers of the type.
func (r *Resolvers) Mutation() MutationResolver { return mutation{r} }

// Subscription has the resolvers of the type.
func (r *Resolvers) Subscription() SubscriptionResolver { return subscription{r} }

// Item has the resolvers of the type.
func (r *Resolvers) Item() ItemResolver { return item{r} }

func (r *Resolvers) gate(ctx context.Context) (string, error) {
	r.Running.Add(1)
	defer r.Running.Add(-1)
	select {
	case <-r.Gate:
		return "open", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func page(first, last *int32) (*ItemConnection, error) {
	n := int32(2)
	for _, p := range []*int32{first, last} {
		if p == nil {
			continue
		}
		if n = *p; n < 1 || n > 100 {
			return nil, errs.New(errs.BadRequest, "first and last go from 1 to 100")
		}
	}
	c := &ItemConnection{PageInfo: &PageInfo{}}
	for i := range n {
		it := &Item{ID: fmt.Sprint(i)}
		c.Nodes = append(c.Nodes, it)
		c.Edges = append(c.Edges, &ItemEdge{Cursor: it.ID, Node: it})
	}
	return c, nil
}

type query struct{ *Resolvers }

func (query) Hello(ctx context.Context) (string, error) {
	reqstats.From(ctx).SQL(time.Millisecond)
	return "world", nil
}
func (query) Echo(_ context.Context, text *string) (*string, error) { return text, nil }
func (query) Count(_ context.Context, n *int32) (*int32, error)     { return n, nil }
func (query) Tree(_ context.Context, in *Tree) (int32, error) {
	n := int32(0)
	for ; in != nil; in = in.Child {
		n++
	}
	return n, nil
}
func (query) Item(_ context.Context, id string) (*Item, error) { return &Item{ID: id}, nil }
func (query) Items(_ context.Context, first *int32, _ *string, last *int32, _ *string) (*ItemConnection, error) {
	return page(first, last)
}
func (query) Nodes(_ context.Context, ids []string) ([]*Item, error) {
	items := make([]*Item, len(ids))
	for i, id := range ids {
		items[i] = &Item{ID: id}
	}
	return items, nil
}
func (query) Whoami(ctx context.Context) (string, error) {
	c := caller.From(ctx)
	return fmt.Sprintf("user %d session %d agent %s cookies %t", c.UserID(), c.SessionID(), c.UserAgent, c.Cookies != nil), nil
}
func (query) Fail(context.Context) (*string, error) {
	return nil, errs.New(errs.Unavailable, "the store is away")
}
func (query) Failing(_ context.Context, times int32) ([]*Item, error) {
	items := make([]*Item, times)
	for i := range items {
		items[i] = &Item{ID: fmt.Sprint(i)}
	}
	return items, nil
}
func (query) Panic(context.Context) (*string, error) { panic("a secret in a panic") }
func (q query) Hang(ctx context.Context) (*string, error) {
	q.Running.Add(1)
	defer q.Running.Add(-1)
	<-ctx.Done()
	return nil, ctx.Err()
}
func (q query) Gate(ctx context.Context) (string, error) { return q.gate(ctx) }

type mutation struct{ *Resolvers }

func (m mutation) Bump(context.Context) (int32, error) { return m.Bumped.Add(1), nil }
func (mutation) SignIn(ctx context.Context, user int32) (string, error) {
	c := caller.From(ctx)
	if c.Cookies == nil {
		return "", errs.New(errs.BadRequest, "cookies need HTTP")
	}
	c.Cookies.Set(fmt.Sprintf("key-%d", user), time.Now().Add(time.Hour))
	c.SignIn(int64(user), 1)
	return "signed in", nil
}
func (mutation) SignOut(ctx context.Context) (string, error) {
	if c := caller.From(ctx); c.Cookies != nil && !c.KeepCookie {
		c.Cookies.Clear()
	}
	return "signed out", nil
}
func (mutation) Panic(context.Context) (*string, error)     { panic("a secret in a panic") }
func (m mutation) Gate(ctx context.Context) (string, error) { return m.gate(ctx) }

type item struct{ *Resolvers }

func (item) Panic(context.Context, *Item) (*string, error) { panic("a secret in a panic") }
func (item) Fail(context.Context, *Item) (*string, error) {
	return nil, errs.New(errs.Internal, "it went wrong")
}
func (item) Sound(_ context.Context, it *Item) (string, error) {
	if it.Faults > 0 {
		it.Faults--
		return "", errs.New(errs.Kind(it.Code), "it went wrong")
	}
	return "sound", nil
}
func (i item) Seen(ctx context.Context, _ *Item, as *string) (string, error) {
	i.Resolvers.Seen.Add(1)
	if i.SeenFaults.Add(-1) >= 0 {
		return "", errs.New(errs.BadRequest, "not this time")
	}
	name := "nobody"
	if as != nil {
		name = *as
	}
	return fmt.Sprintf("%d as %s", caller.From(ctx).UserID(), name), nil
}
func (item) Self(_ context.Context, it *Item) (*Item, error) { return it, nil }
func (item) Items(_ context.Context, _ *Item, first *int32, _ *string, last *int32, _ *string) (*ItemConnection, error) {
	return page(first, last)
}
func (item) Tags(context.Context, *Item) ([]string, error) { return []string{"a", "b"}, nil }

type subscription struct{ *Resolvers }

func produce[T any](ctx context.Context, r *Resolvers, next func(i int) (T, bool)) <-chan T {
	out := make(chan T)
	r.Running.Add(1)
	go func() {
		defer r.Running.Add(-1)
		defer close(out)
		for i := 0; ; i++ {
			v, ok := next(i)
			if !ok {
				return
			}
			select {
			case out <- v:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (s subscription) Ticks(ctx context.Context, n int32) (<-chan int32, error) {
	if n >= 0 {
		return produce(ctx, s.Resolvers, func(i int) (int32, bool) { return int32(i + 1), i < int(n) }), nil
	}
	last := int32(0)
	next := func(context.Context) (int32, error) {
		if last++; last > -n {
			return 0, errs.New(errs.Unavailable, "the store is away")
		}
		return last, nil
	}
	return pullstream.Events(ctx, pullstream.Source[int32]{Next: next, End: func() {}}), nil
}
func (s subscription) Feed(ctx context.Context) (<-chan *Item, error) {
	return produce(ctx, s.Resolvers, func(int) (*Item, bool) {
		select {
		case it, ok := <-s.Items:
			return it, ok
		case <-ctx.Done():
			return nil, false
		}
	}), nil
}
func (s subscription) Flood(ctx context.Context, size int32) (<-chan string, error) {
	text := strings.Repeat("x", int(size))
	return produce(ctx, s.Resolvers, func(int) (string, bool) { s.Flooded.Add(1); return text, true }), nil
}
func (s subscription) Silent(ctx context.Context) (<-chan int32, error) {
	return produce(ctx, s.Resolvers, func(int) (int32, bool) { <-ctx.Done(); return 0, false }), nil
}
func (subscription) Refused(context.Context) (<-chan int32, error) {
	return nil, errs.New(errs.Unauthenticated, "sign in first")
}
func (subscription) Panic(context.Context) (<-chan int32, error) { panic("a secret in a panic") }
func (s subscription) PanickingItems(ctx context.Context) (<-chan *Item, error) {
	return produce(ctx, s.Resolvers, func(i int) (*Item, bool) { return &Item{ID: fmt.Sprint(i)}, i < 2 }), nil
}
func (s subscription) Faulty(ctx context.Context, times int32, code string, covered bool) (<-chan *Item, error) {
	sent := 0
	source := pullstream.Source[*Item]{End: func() {}, Next: func(context.Context) (*Item, error) {
		switch sent++; sent {
		case 1, 2:
			return &Item{ID: fmt.Sprint(sent), Faults: int(times), Code: code}, nil
		case 3:
			return &Item{ID: "3"}, nil
		}
		return nil, io.EOF
	}}
	if covered {
		source.Lost = func(it *Item) *Item { return &Item{ID: "instead of " + it.ID} }
	}
	return pullstream.Events(ctx, source), nil
}
func (s subscription) Shared(ctx context.Context, after *string) (<-chan *Item, error) {
	l := &listener{items: make(chan *Item, 100)}
	from := "the beginning"
	if after = pullstream.After(ctx, after); after != nil {
		from = "after " + *after
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listeners == nil {
		s.listeners = map[*listener]struct{}{}
	}
	s.listeners[l] = struct{}{}
	return pullstream.Events(ctx, pullstream.Source[*Item]{
		Next: func(ctx context.Context) (*Item, error) {
			select {
			case it := <-l.items:
				return it, nil
			case <-ctx.Done():
				return nil, io.EOF
			}
		},
		End: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.listeners, l)
		},
		Ready: l.ready,
		From:  from,
	}), nil
}
func (s subscription) SessionEnded(ctx context.Context) (<-chan bool, error) {
	return produce(ctx, s.Resolvers, func(i int) (bool, bool) {
		if i > 0 {
			return false, false
		}
		select {
		case <-s.Ended:
			return true, true
		case <-ctx.Done():
			return false, false
		}
	}), nil
}
