package rows

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"roost/domain/timelines"
	"roost/events"
)

// maxRecent is how many changes of home timelines a process remembers, and maxUncovered how many of them a prepared timeline may lack.
const maxRecent, maxUncovered = 8192, 4096

// recentChanges are the last changes of home timelines that the follower has passed: who has added or removed something. A reader
// merges their lists into a prepared timeline that does not have these changes yet. It is safe for concurrent use.
type recentChanges struct {
	mu sync.RWMutex
	// began is set with the first batch.
	began bool
	// Everything after the offset from and up to upTo is in changes, which are in the order of the log.
	epoch, from, upTo int64
	changes           []recentChange
}

// ownFor is how long the writes of this process are merged although the follower has not passed them.
const ownFor = 3 * time.Second

// ownWrites are the users who have changed home timelines through this process lately. Its follower may not have passed these events yet.
type ownWrites struct {
	mu sync.Mutex
	at map[int64]time.Time // by user
}

// note adds committed events.
func (o *ownWrites) note(committed []events.Event, now time.Time) {
	for _, e := range committed {
		if record, ok := timelines.RecordOf(0, e); ok {
			o.mu.Lock()
			if len(o.at) >= maxRecent {
				maps.DeleteFunc(o.at, func(_ int64, at time.Time) bool { return now.Sub(at) > ownFor })
			}
			o.at[record.UserID] = now
			o.mu.Unlock()
		}
	}
}

// among returns those of some authors who have written lately.
func (o *ownWrites) among(authors []int64, now time.Time) (some []int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.at) == 0 {
		return nil
	}
	for _, author := range authors {
		if at, ok := o.at[author]; ok && now.Sub(at) <= ownFor {
			some = append(some, author)
		}
	}
	return some
}

// recentChange is an event of the log. userID is 0 if the event does not name whom it concerns.
type recentChange struct{ seq, userID int64 }

// note adds what a batch of the follower has.
func (r *recentChanges) note(b events.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began = true; b.Restart || b.Gap || b.Epoch != r.epoch || b.From != r.upTo {
		r.epoch, r.from, r.upTo, r.changes = b.Epoch, b.To, b.To, nil
		if !b.Restart && !b.Gap {
			r.from = b.From
		}
	}
	r.upTo = b.To
	if b.Restart || b.Gap {
		return
	}
	for _, entry := range b.Entries {
		if userID, ok := changedBy(entry); ok {
			r.changes = append(r.changes, recentChange{entry.Seq, userID})
		}
	}
	if n := len(r.changes); n > maxRecent {
		r.from = r.changes[n/2-1].seq
		r.changes = append(make([]recentChange, 0, maxRecent+maxRecent/2), r.changes[n/2:]...)
	}
}

// changedBy returns who has added or removed something with an event that the fan-out handles.
func changedBy(entry events.Entry) (userID int64, ok bool) {
	if entry.Known() && !slices.Contains(fanoutTypes, entry.Type) {
		return 0, false
	}
	e, err := entry.Event()
	if err != nil {
		return 0, true
	}
	record, ok := timelines.RecordOf(entry.Seq, e)
	return record.UserID, ok || entry.Type == events.RowsImported{}.Type()
}

var fanoutTypes = timelines.FanoutTypes()

// since returns which of some authors have changed anything after a position, sorted. ok is false if that is not known, or if there are too
// many changes. now is the follower's position, and the authors are as timelines.HomeAuthors returns them.
func (r *recentChanges) since(now, after events.Position, authors []int64) (changed []int64, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if seq := after.Seq(); !r.began {
		return nil, after.Epoch() == now.Epoch() && seq >= now.Seq()
	} else if after.Epoch() != r.epoch || seq < r.from {
		return nil, false
	}
	at, _ := slices.BinarySearchFunc(r.changes, after.Seq()+1, func(c recentChange, seq int64) int { return cmp.Compare(c.seq, seq) })
	if len(r.changes)-at > maxUncovered {
		return nil, false
	}
	followed, viewer := authors[:len(authors)-1], authors[len(authors)-1]
	for _, c := range r.changes[at:] {
		if c.userID == 0 {
			return nil, false
		}
		if _, found := slices.BinarySearch(followed, c.userID); found || c.userID == viewer {
			changed = append(changed, c.userID)
		}
	}
	slices.Sort(changed)
	return slices.Compact(changed), true
}
