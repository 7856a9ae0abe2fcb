package audit

import (
	"slices"
	"strings"
	"time"
)

// Problem classifies how an entry disagrees with its row.
type Problem string

// The problems of an entry.
const (
	// Behind is an entry that is older than SQL although no write is in flight.
	Behind Problem = "behind"
	// Ahead is an entry that is newer than SQL, which has lost writes.
	Ahead Problem = "ahead"
	// Differs is an entry that has SQL's version with other data.
	Differs Problem = "differs"
	// Unreadable is a value that is not an entry, or a key of no kind.
	Unreadable Problem = "unreadable"
	// PreviousEpoch is an entry of a previous epoch of the server or of the log. To reads it is absent, so Found does not count it.
	PreviousEpoch Problem = "previous_epoch"
)

// UnknownKind is the name under which keys of no kind are counted.
const UnknownKind = "unknown"

// Counts counts the entries of one kind.
type Counts struct {
	Kind string
	// Compared counts entries that reads return. Each is also counted as Equal, Settled, Behind, Ahead or Differs. Settled ones were
	// not equal at first, and changed or went within SettleFor.
	Compared, Equal, Settled, Behind, Ahead, Differs int64
	// Unreadable, PreviousEpoch and Empty entries are not compared. Empty entries have a minimum version, a lease or an
	// announcement, but no data.
	Unreadable, PreviousEpoch, Empty int64
	// Removed counts entries that a repair has removed, including those of a previous epoch.
	Removed int64
}

// Finding is an entry with a problem.
type Finding struct {
	Key          string
	Kind         string
	Problem      Problem
	Held, Stored int64 // the versions of the entry and of the row
	Removed      bool
}

type finding struct {
	Finding
	count *Counts
}

// Report is the result of an audit.
type Report struct {
	Kinds    []*Counts // by name
	Examples []Finding // the first ones
	// Away counts keys whose server became unreachable. They were not compared.
	Away int64
	// Failed reports that a repair may not have removed everything that it found.
	Failed bool
	Took   time.Duration
}

func (r *Report) of(kind string) *Counts {
	for _, c := range r.Kinds {
		if c.Kind == kind {
			return c
		}
	}
	c := &Counts{Kind: kind}
	r.Kinds = append(r.Kinds, c)
	return c
}

func (r *Report) add(f finding, examples int) {
	switch f.Problem {
	case Behind:
		f.count.Behind++
	case Ahead:
		f.count.Ahead++
	case Differs:
		f.count.Differs++
	case Unreadable:
		f.count.Unreadable++
	}
	if f.Removed {
		f.count.Removed++
	}
	if f.Problem != PreviousEpoch && len(r.Examples) < examples {
		r.Examples = append(r.Examples, f.Finding)
	}
}

func (r *Report) finish(took time.Duration) {
	r.Took = took
	slices.SortFunc(r.Kinds, func(a, b *Counts) int { return strings.Compare(a.Kind, b.Kind) })
}

// Sum returns the counts of all kinds together.
func (r *Report) Sum() Counts {
	s := Counts{Kind: "all"}
	for _, c := range r.Kinds {
		s.Compared += c.Compared
		s.Equal += c.Equal
		s.Settled += c.Settled
		s.Behind += c.Behind
		s.Ahead += c.Ahead
		s.Differs += c.Differs
		s.Unreadable += c.Unreadable
		s.PreviousEpoch += c.PreviousEpoch
		s.Empty += c.Empty
		s.Removed += c.Removed
	}
	return s
}

// Found returns how many entries have a problem. Those of a previous epoch have none.
func (r *Report) Found() int64 {
	s := r.Sum()
	return s.Behind + s.Ahead + s.Differs + s.Unreadable
}
