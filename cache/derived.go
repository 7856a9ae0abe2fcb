package cache

import "context"

// What is made of many rows and kept in the process must not be used once one of the rows has changed. The tier notes which copies it
// drops, so that such a thing can be checked against the notes since it was made:
//
//	since := position of the notes
//	tier.Load(ctx, req)                   // req.Copied: every later change of these rows is noted
//	keep what is made of the rows, with since and req.Until
//	…
//	use it if tier.Settled(ctx), nothing of it was noted since, and req.Until has not passed

// Copies reports whether reads are answered from copies in the process where it has them, so that hundreds of keys that hit cost
// little more than one.
func (t *Tier) Copies() bool { return !t.bypassed && t.redis.coherence.works() }

// NoteDrops makes the tier call note with each key that may have changed since a copy of it was made, before a read that must see the
// change is answered. This includes keys whose invalidation Redis has not taken. The key is empty if all copies are dropped. note
// must not block or use the tier. NoteDrops must be called before the first read. A tier without copies calls nothing.
func (t *Tier) NoteDrops(note func(key string)) {
	t.noteDrop = note
	if t.redis.copies != nil {
		t.redis.copies.onDrop(note)
	}
}

// Settled reports whether all changes that the reads of ctx must see have been noted. It takes a round trip to each server unless an
// earlier read of the same moment did. It is false while the process reads nothing from Redis, and for a tier without copies.
func (t *Tier) Settled(ctx context.Context) bool {
	of := t.lookup(ctx, nil)
	if t.bypassed || t.Suspension() != 0 {
		return false
	}
	of.forgotten = t.pending.forgotten.Load()
	return t.redis.coherence.settle(ctx, of)
}
