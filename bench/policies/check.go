package policies

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

// Op is a read or an acknowledged write as its client saw it. Times are since the beginning of the run.
type Op struct {
	Key    int64
	Write  bool
	Change int64 // made, or seen
	// Start is before the call, End after its return.
	Start, End time.Duration
}

// Commit is a change as the database has it. At is when its writer had the answer, which is after the commit.
type Commit struct {
	Key, Version int64
	At           time.Duration
}

// Verdict counts what is wrong in a history.
type Verdict struct {
	Reads, Writes int
	// Stale is how many reads began after the acknowledgement of a write that they do not show. StaleFor is the longest
	// time from the first such acknowledgement to the beginning of a read.
	Stale    int
	StaleFor time.Duration
	// Back is how many reads show an older version than a read that ended before they began.
	Back int
	// Behind is the longest time from the first commit that a read does not show to the beginning of that read.
	Behind time.Duration
	// Unwritten is how many reads show a change that was never committed. Lost is how many acknowledged writes were never
	// committed.
	Unwritten, Lost int
}

// Check sweeps over a history, key by key and in time: it takes n log n. What happens at the same instant counts
// as concurrent.
func Check(history []Op, commits map[int64]Commit) Verdict {
	var v Verdict
	byKey := map[int64]*sweep{}
	of := func(key int64) *sweep {
		s := byKey[key]
		if s == nil {
			s = &sweep{v: &v, seen: 1}
			byKey[key] = s
		}
		return s
	}
	for _, op := range history {
		version := int64(1) // of change 0
		if op.Change != 0 {
			c, ok := commits[op.Change]
			if version = c.Version; !ok || c.Key != op.Key {
				version = 0
			}
		}
		switch {
		case op.Write && version == 0:
			v.Writes++
			v.Lost++
		case op.Write:
			v.Writes++
			of(op.Key).moments = append(of(op.Key).moments, moment{at: op.End, what: acknowledged, version: version})
		case version == 0:
			v.Reads++
			v.Unwritten++
		default:
			v.Reads++
			s := of(op.Key)
			r := &read{start: op.Start, version: version}
			s.moments = append(s.moments, moment{at: op.Start, what: began, read: r}, moment{at: op.End, what: ended, read: r})
		}
	}
	for _, c := range commits {
		s := of(c.Key)
		s.moments = append(s.moments, moment{at: c.At, what: committed, version: c.Version})
	}
	for _, s := range byKey {
		s.run()
	}
	return v
}

// what is the kind of a step in a sweep. At the same instant, beginnings are handled before ends, so an operation that ends at
// the instant at which another begins does not precede it.
type what int

const (
	began what = iota
	committed
	acknowledged
	ended
)

type moment struct {
	at      time.Duration
	what    what
	version int64
	read    *read
}

// read is a read that is under way, with the versions that it must not be older than.
type read struct {
	start        time.Duration
	version      int64
	acknowledged steps // before it began
	committed    steps
	seen         int64
}

// steps are the times at which a version rose, oldest first. They only grow, so a read keeps a part of them.
type steps []step

type step struct {
	version int64
	at      time.Duration
}

// rise adds a version if it is new.
func (s steps) rise(version int64, at time.Duration) steps {
	if len(s) > 0 && s[len(s)-1].version >= version {
		return s
	}
	return append(s, step{version, at})
}

// after returns the time at which the version was exceeded first; ok is false if it never was.
func (s steps) after(version int64) (time.Duration, bool) {
	i := sort.Search(len(s), func(i int) bool { return s[i].version > version })
	if i == len(s) {
		return 0, false
	}
	return s[i].at, true
}

// sweep is the history of a key.
type sweep struct {
	v       *Verdict
	moments []moment

	acknowledged, committed steps
	seen                    int64
}

func (s *sweep) run() {
	slices.SortStableFunc(s.moments, func(a, b moment) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.what, b.what))
	})
	for _, m := range s.moments {
		switch m.what {
		case began:
			m.read.acknowledged, m.read.committed, m.read.seen = s.acknowledged, s.committed, s.seen
		case committed:
			s.committed = s.committed.rise(m.version, m.at)
		case acknowledged:
			s.acknowledged = s.acknowledged.rise(m.version, m.at)
		case ended:
			s.judge(m.read)
			s.seen = max(s.seen, m.read.version)
		}
	}
}

func (s *sweep) judge(r *read) {
	if at, stale := r.acknowledged.after(r.version); stale {
		s.v.Stale++
		s.v.StaleFor = max(s.v.StaleFor, r.start-at)
	}
	if at, behind := r.committed.after(r.version); behind {
		s.v.Behind = max(s.v.Behind, r.start-at)
	}
	if r.version < r.seen {
		s.v.Back++
	}
}
