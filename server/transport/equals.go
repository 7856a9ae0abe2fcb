package transport

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Limits of what equal subscriptions share.
const (
	// shareFor is how long the others may send an event after one of them began to make it. It equals the time for which a
	// subscription relies on what it found visible.
	shareFor = 100 * time.Millisecond
	// maxShared is the longest event that is shared, in bytes.
	maxShared = 64 << 10
)

// streamKey identifies equal subscriptions: those with the same document, operation, and values of the variables that are used
// below the subscription's field. The arguments of the field itself are not part of it: they decide which events come, not what is
// sent of them. The user and session are 0 unless the events are personal, so the same view of an event is made once for everybody.
type streamKey struct {
	user, session int64
	operation     [sha256.Size]byte
}

// keyOf is the key of a subscription.
func keyOf(who InitResult, oc *graphql.OperationContext, personal bool) streamKey {
	names := map[string]bool{}
	for _, sel := range oc.Operation.SelectionSet {
		usedBelow(sel, names, true)
	}
	h := sha256.New()
	e := json.NewEncoder(h) // parts cannot run into each other
	_ = e.Encode([]string{oc.RawQuery, oc.Operation.Name})
	used := make(map[string]any, len(names))
	for name := range names {
		used[name] = oc.Variables[name]
	}
	_ = e.Encode(used) // in the order of the names; what cannot be encoded is no variable
	key := streamKey{operation: [sha256.Size]byte(h.Sum(nil))}
	if personal {
		key.user, key.session = who.UserID, who.SessionID
	}
	return key
}

// usedBelow gathers the variables that a selection uses; of fields at the top only those of their directives and
// selections.
func usedBelow(sel ast.Selection, names map[string]bool, top bool) {
	var below ast.SelectionSet
	switch sel := sel.(type) {
	case *ast.Field:
		usedBy(sel.Directives, names)
		if !top {
			usedIn(sel.Arguments, names)
		}
		below, top = sel.SelectionSet, false
	case *ast.InlineFragment:
		usedBy(sel.Directives, names)
		below = sel.SelectionSet
	case *ast.FragmentSpread:
		usedBy(sel.Directives, names)
		if sel.Definition != nil {
			below = sel.Definition.SelectionSet
		}
	}
	for _, sel := range below {
		usedBelow(sel, names, top)
	}
}

func usedBy(list ast.DirectiveList, names map[string]bool) {
	for _, d := range list {
		usedIn(d.Arguments, names)
	}
}

func usedIn(list ast.ArgumentList, names map[string]bool) {
	for _, a := range list {
		usedValue(a.Value, names)
	}
}

func usedValue(v *ast.Value, names map[string]bool) {
	if v.Kind == ast.Variable {
		names[v.Raw] = true
	}
	for _, child := range v.Children {
		usedValue(child.Value, names)
	}
}

// equals are the open subscriptions that are equal to each other. The first that gets to an event makes its payload,
// and the others send the same bytes.
type equals struct {
	mu      sync.Mutex
	members int
	events  map[string]*sharedEvent // by pullstream.Stream's key
}

// sharedEvent is an event that one member makes.
type sharedEvent struct {
	made    chan struct{} // closed when payload is final
	payload []byte        // nil if it is not to be shared: it failed, or is too long
}

// join changes the number of members, and returns it.
func (e *equals) join(n int) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.members += n
	return e.members
}

// event returns the payload that another member has made of the event. If there is none it calls resolve, which makes
// it, and returns nil. What resolve returns goes to the other members, if share is set.
func (e *equals) event(ctx context.Context, key string, resolve func(share bool) []byte) []byte {
	e.mu.Lock()
	if key == "" || e.members < 2 {
		e.mu.Unlock()
		resolve(false)
		return nil
	}
	other := e.events[key]
	if other == nil {
		own := e.begin(key)
		e.mu.Unlock()
		defer close(own.made) // after a panic as well
		if payload := resolve(true); len(payload) <= maxShared {
			own.payload = payload
		}
		return nil
	}
	e.mu.Unlock()
	select {
	case <-other.made:
		if other.payload != nil {
			return other.payload
		}
	case <-ctx.Done():
	}
	resolve(false)
	return nil
}

// begin is called with the lock held.
func (e *equals) begin(key string) *sharedEvent {
	own := &sharedEvent{made: make(chan struct{})}
	if e.events == nil {
		e.events = map[string]*sharedEvent{}
	}
	e.events[key] = own
	time.AfterFunc(shareFor, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.events, key)
	})
	return own
}

// encodePayload is the payload of a good event, nil for one that is not to be shared.
func encodePayload(resp *graphql.Response) []byte {
	if resp == nil || len(resp.Data) == 0 || len(resp.Errors) > 0 {
		return nil
	}
	var b bytes.Buffer
	b.Grow(len(resp.Data) + 16)
	if appendResponse(&b, resp) != nil {
		return nil
	}
	return slices.Clip(b.Bytes())
}
