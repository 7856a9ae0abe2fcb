package audit

import (
	"slices"
	"strings"
	"time"
)

// What is what is wrong with an entry.
type Problem string

// What may be wrong.
const (
	// Behind is older than SQL although nothing is in flight.
	Behind Problem = "behind"
	// Ahead is newer than SQL, which has lost writes.
	Ahead Problem = "ahead"
	// Differs has SQL's version with other data.
	Differs Problem = "differs"
	// Unreadable is no entry, or its key is of no kind.
	Unreadable Problem = "unreadable"
	// Former is of a former reign. Reads take it for absent; it is not counted as found.
	PreviousEpoch Problem = "former"
)

// UnknownKind has the keys that are of no kind.
const UnknownKind = "unknown"

// Counts are those of one kind.
type Counts struct {
	Kind string
	// Compared are entries that reads are answered from; each is one of Equal, Settled, Behind, Ahead, Differs.
	// Settled were not equal, and changed or went within SettleFor.
	Compared, Equal, Settled, Behind, Ahead, Differs int64
	// Unreadable, Former, and Empty, which are floors, leases and intents, are not compared.
	Unreadable, PreviousEpoch, Empty int64
	// Removed are those that a repair has removed, Former ones too.
	Removed int64
}

// Finding is an entry that is not as it should be.
type Finding struct {
	Key          string
	Kind         string
	Problem      Problem
	Held, Stored int64 // versions
	Removed      bool
}

type finding struct {
	Finding
	count *Counts
}

// Report is what an audit found.
type Report struct {
	Kinds    []*Counts // by name
	Examples []Finding // the first ones
	// Away counts keys whose server went away meanwhile: they were not compared.
	Away int64
	// Failed says that some of what a repair should have removed may have stayed.
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

// Sum adds up all kinds.
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

// Found is how many entries are not as they should be; former ones are as they should be.
func (r *Report) Found() int64 {
	s := r.Sum()
	return s.Behind + s.Ahead + s.Differs + s.Unreadable
}
