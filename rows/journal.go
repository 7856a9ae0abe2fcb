package rows

import (
	"sync"
	"sync/atomic"
)

// journalSize is how many notes a journal keeps. What was made earlier than that must be made again.
const journalSize = 4096

// journal notes which authors' lists have changed. So whoever drops a list does not look for the pages that were made of it: a page is
// checked against the notes since its position when it is used. Notes are taken under a lock; reading them takes none.
type journal struct {
	mu    sync.Mutex
	next  atomic.Uint64 // the position behind the last note
	floor atomic.Uint64 // before this position everything has changed
	notes [journalSize]atomic.Int64
}

// note notes that the list of an author has changed.
func (j *journal) note(author int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := j.next.Load()
	j.notes[at%journalSize].Store(author)
	j.next.Store(at + 1)
}

// noteAll notes that all lists may have changed.
func (j *journal) noteAll() {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := j.next.Load() + 1
	j.floor.Store(at)
	j.next.Store(at)
}

// position returns the position of the next note.
func (j *journal) position() uint64 { return j.next.Load() }

// unchanged reports whether none of the authors for whom concerns returns true was noted since a position. It returns the position up
// to which it has looked. It is false, too, if there are more notes than most.
func (j *journal) unchanged(since uint64, most int, concerns func(author int64) bool) (now uint64, ok bool) {
	now = j.next.Load()
	if now-since > uint64(most) || since < j.floor.Load() {
		return now, false
	}
	for at := since; at < now; at++ {
		if concerns(j.notes[at%journalSize].Load()) {
			return now, false
		}
	}
	// A note may have replaced one that was still to be read, even before next says so.
	return now, j.next.Load()-since < journalSize
}
