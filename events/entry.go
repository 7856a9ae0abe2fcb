package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Entry is an event as the log stores it.
type Entry struct {
	// Seq is the event's offset in the log.
	Seq int64
	// Epoch is the number of the log's epoch when the entry was read, 0 if that is not known.
	Epoch     int64
	Type      string
	Version   int
	Aggregate int64
	Payload   string
	At        time.Time
}

// Position returns the position just after the event.
func (e Entry) Position() Position { return At(e.Epoch, e.Seq) }

func decode[E Event](payload []byte) (Event, error) {
	var e E
	err := json.Unmarshal(payload, &e)
	return e, err
}

// ErrUnreadable reports that this binary cannot read an event: a newer binary wrote its type or version, or its payload is
// damaged. Another attempt would fail in the same way.
var ErrUnreadable = errors.New("the event cannot be read")

// unreadable is an ErrUnreadable that wraps the reason.
type unreadable struct{ error }

func (unreadable) Is(target error) bool { return target == ErrUnreadable }

func (u unreadable) Unwrap() error { return u.error }

// Known reports whether this binary can read events of this type.
func (e Entry) Known() bool { return decoders[e.Type] != nil }

// Event decodes the payload. It fails with ErrUnreadable.
func (e Entry) Event() (Event, error) {
	d, ok := decoders[e.Type]
	if !ok {
		return nil, unreadable{fmt.Errorf("event %d is a %s, which this binary cannot read", e.Seq, e.Type)}
	}
	ev, err := d([]byte(e.Payload))
	if err != nil {
		return nil, unreadable{fmt.Errorf("decode event %d, a %s: %w", e.Seq, e.Type, err)}
	}
	if e.Version > ev.PayloadVersion() {
		return nil, unreadable{fmt.Errorf("event %d is version %d of %s, this binary reads up to %d",
			e.Seq, e.Version, e.Type, ev.PayloadVersion())}
	}
	if ev.Aggregate() != e.Aggregate { // such as null
		return nil, unreadable{fmt.Errorf("event %d, a %s of %d, has the payload of %d", e.Seq, e.Type, e.Aggregate, ev.Aggregate())}
	}
	return ev, nil
}

// All returns an empty event of every type that this binary can read, in the order of their names.
func All() []Event {
	var out []Event
	for _, name := range slices.Sorted(maps.Keys(decoders)) {
		e, err := decoders[name]([]byte("{}"))
		if err != nil {
			panic(err) // no event needs a field
		}
		out = append(out, e)
	}
	return out
}
