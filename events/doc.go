// Package events is the outbox and the log over it: everything that happens after a write hangs on
// events that were written in the transaction of their rows.
//
// # Writing
//
// Log.Write is the one way to write domain rows. What it commits, rows and events alike, is told to the
// observers of this node after the commit; that is a hint for speed, the log is the truth.
//
// # The order
//
// A committed event gets a place in the log, its seq: without gaps, and never below one that was given
// before, so a position in the log is one number and a reader that is at it has missed nothing. On
// SQLite, which has one writer, the row's id is the seq. On PostgreSQL ids are taken before commits and
// say nothing; there a Sequencer numbers what has been committed. Any number of sequencers may run: the
// numbering is one call of a function in the database that holds the head's lock, so one that freezes
// holds nothing. An open transaction delays only its own events.
//
// If a transaction had committed before another inserted its events, its events come first, however long
// either stood still. So writes that lock the same row before they emit come in the order of their
// commits, and an acknowledged write comes before whatever is begun afterwards. Two writes that overlap
// in time and lock no row in common may come in either order, also of one aggregate: there consumers go
// by the versions in the events. Decision 12 lists the rows.
//
// # Epochs
//
// A database can go back to an earlier state: a standby takes over that lacks the last writes, a backup is restored. The log
// is in another epoch then, and a Position of one epoch says nothing in another. Epochs has the process notice, whoever reads
// the log first; a Follower goes on where the epoch began, and says so with Batch.Restart; a Group moves no position of an
// earlier epoch. Decision 18 has the argument.
//
// # Followers
//
// A Follower reads the whole log on behalf of one process and applies it there, batch by batch. Its position covers an
// event only once that has been applied, so what the process reports of a position is true of what it reads afterwards.
// CatchUp waits for everything that is committed: a write that finds its work done by somebody else, who may not have
// lived to invalidate the copies, is acknowledged after that.
//
// # Consumer groups
//
// A Group reads the log with positions of its own, one for each partition of the aggregates. A partition is worked on under a
// lease in the database, by the clock of PostgreSQL, so that those of nodes may differ. A worker that freezes past its
// lease does no harm, because its effects and its position commit together and the position moves only for the owner of
// the lease. So effects in SQL happen exactly once; others, at least once, must be idempotent. Events of one aggregate
// are handled in the order of their places.
//
// # Failure
//
// An event that cannot be handled is parked with a copy, together with later ones of its aggregate, and
// tried again after 1 s, 2 s, 4 s and so on up to a minute; after Attempts it is a dead letter, which holds
// up nobody and waits for `roost events retry`. A database that cannot be asked parks nothing: the group
// waits. Retries go by the clocks of nodes: where these differ, one comes earlier or later by so much.
//
// An event that this binary cannot read fails like any other, with ErrUnreadable. So a release must be able to read a
// new type of event, or a new version, before any release writes it: nodes of both then run side by side, and back.
//
//	          handled
//	log ------------------> done
//	 |  failed      ^
//	 +----> parked -+
//	          |  Attempts
//	          +----> dead letter --retry--> parked
//
// # Limits
//
// A batch has at most 500 events. Retention removes events that every group has passed and that are older
// than the configured time; who asks for a position before that is told so.
package events
