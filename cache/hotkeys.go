package cache

import "time"

const (
	// minHits is how many reads a copy must answer on average to be worth its adoption, and the report that ends it.
	minHits = 4
	// hotAfter is how many copies of a key must be undone within hotWithin before the key is judged: fewer cost next to nothing.
	hotAfter, hotWithin = 64, time.Second
	// exemptFor is how long a key is exempt.
	exemptFor = time.Second
	// maxHot bounds the keys that are watched.
	maxHot = 4096
)

// hotKeys finds keys that are written so often that their copies answer few reads, such as the counts of a tweet to which thousands react.
// Such a key is exempt for a while: it is read without being tracked, and does not become a copy. It is not safe for concurrent use.
type hotKeys map[string]hotKey

type hotKey struct {
	since         time.Time
	undone, hits  int // since then: copies that were dropped, and reads that these answered
	exemptedUntil time.Time
}

// dropped notes that a copy of a key was dropped because the key was written, after it had answered some reads. It is judged
// after so many copies.
func (h hotKeys) dropped(key string, hits int, now time.Time, after int) {
	k := h[key]
	if now.Sub(k.since) > hotWithin {
		if len(h) >= maxHot {
			h.forget(now)
		}
		k = hotKey{since: now}
	}
	k.undone++
	k.hits += hits
	if k.undone >= after && k.hits < minHits*k.undone {
		k = hotKey{since: now, exemptedUntil: now.Add(exemptFor)}
	}
	h[key] = k
}

// exempt reports whether a key is exempt.
func (h hotKeys) exempt(key string, now time.Time) bool {
	if len(h) == 0 {
		return false
	}
	return now.Before(h[key].exemptedUntil)
}

// forget removes the keys that were not written lately, or all if there are too many others.
func (h hotKeys) forget(now time.Time) {
	for key, k := range h {
		if now.Sub(k.since) > hotWithin && !now.Before(k.exemptedUntil) {
			delete(h, key)
		}
	}
	if len(h) >= maxHot {
		clear(h)
	}
}
