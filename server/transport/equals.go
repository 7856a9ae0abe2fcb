package transport

import (
	"bytes"
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
	mu      sync.Mutex
	made    bool
	payload []byte   // nil if it is not to be shared: it failed, or is too long
	waiting []func() // called once it is made
}

// finish ends the making of the event, for better or worse; only the first call counts.
func (e *sharedEvent) finish(payload []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.made {
		return
	}
	e.made = true
	if len(payload) <= maxShared {
		e.payload = payload
	}
	for _, wake := range e.waiting {
		wake()
	}
	e.waiting = nil
}

// payloadOr returns the payload of an event that is made; it is nil if the caller has to make the event for itself. If the event
// is not made yet, wake is called once it is.
func (e *sharedEvent) payloadOr(wake func()) (payload []byte, made bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.made {
		e.waiting = append(e.waiting, wake)
	}
	return e.payload, e.made
}

// join changes the number of members, and returns it.
func (e *equals) join(n int) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.members += n
	return e.members
}

// claim returns the event with a key, which another member makes or has made. If there is none, the event is the caller's own to
// make: the caller must call finish. It returns nil if the caller is to make the event for itself alone.
func (e *equals) claim(key string) (event *sharedEvent, own bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if key == "" || e.members < 2 {
		return nil, false
	}
	if other := e.events[key]; other != nil {
		return other, false
	}
	return e.begin(key), true
}

// begin is called with the lock held.
func (e *equals) begin(key string) *sharedEvent {
	own := &sharedEvent{}
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
