// Package events is the outbox of writes, and the event log that is read from it.
//
// Whatever happens after a write depends on its events, which are written in the transaction of the rows:
//
//	err := log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
//		// change rows through tx.Tx
//		tx.Emit(events.TweetPosted{TweetID: id, AuthorID: author, AuthorVersion: version})
//		return nil
//	})
//
// A consumer group handles each event once, on any node, and keeps its effects and its position in SQL:
//
//	group, err := events.NewGroup(client, db, clock, events.GroupConfig{Name: "search", Partitions: 4,
//		Types: []string{events.TweetPosted{}.Type()}, Handler: events.HandlerFunc(index)})
//	services.Add("consumer group search", group) // Start and Stop
//
// # Writing
//
// Log.Write is the only way to write domain rows, apart from bulk imports. After the commit it passes the events to the
// observers of this node. That is a hint for speed; the log holds the truth.
//
// # The order
//
// Each committed event gets an offset in the log, its seq. Seqs have no gaps, and no event gets a lower seq than one that was
// assigned before it. So within an epoch a position in the log is one number, and a reader at a position has missed nothing before it.
//
// SQLite has one writer, so the id of the event's row is its seq. PostgreSQL assigns ids before the commit, so their order means
// nothing; there a Sequencer numbers committed events. Any number of sequencers may run: each call of the numbering function
// locks the head of the log and ends by itself, so a sequencer that freezes blocks nobody. An open transaction delays only
// its own events.
//
// If transaction A commits before transaction B inserts its events, the events of A come first, however long A, B or any
// sequencer was delayed. So writes that lock the same row before they emit are ordered as they committed, and an acknowledged
// write comes before every write that begins afterwards. Two writes that overlap in time and share no lock may come in either
// order, even when they are about one aggregate; consumers compare the versions in such events. Decision 12 lists the rows that
// writes lock.
//
// # Epochs
//
// A database can go back to an earlier state: a standby that lacks the last writes takes over, or a backup is restored. The log
// then begins a new epoch, and a Position of one epoch means nothing in another. The first read of the log that finds the new
// epoch calls Epochs, which switches the whole process to it. A Follower goes on where the epoch began and reports that with
// Batch.Restart; a Group never advances a position of an earlier epoch. Decision 18 has the argument.
//
// # Followers
//
// A Follower reads the whole log on behalf of one process and applies it there, batch by batch. Its position covers an event
// only after the event is applied, so reads that begin later agree with the position that the process reported. CatchUp
// waits for everything that is committed. A write that finds its work already done must call CatchUp before it is
// acknowledged: the node that did the work may have died before it invalidated the copies.
//
// # Consumer groups
//
// A Group reads the log with positions of its own, one for each partition of the aggregates. A node works on a partition under
// a lease in the database. The lease runs by the clock of PostgreSQL, because the clocks of nodes may differ. A worker that freezes
// past its lease does no harm: its effects and its position commit together, and only the owner of the lease can move the
// position. So effects in SQL happen exactly once. Other effects happen at least once and must be idempotent. Events of one
// aggregate are handled in the order of the log.
//
// # Failure
//
// An event that cannot be handled is copied to the group's retry queue, and later events of its aggregate follow it there. It is
// tried again after 1 s, 2 s, 4 s and so on, up to a minute. After GroupConfig.Attempts attempts it is a dead letter: it delays
// no other event and waits for `roost events retry`. A database that cannot be reached fills no queue: the group waits. Retries
// run by the clocks of the nodes; where these differ by some seconds, a retry comes earlier or later by as much.
//
// An event that this binary cannot read fails with ErrUnreadable, and is retried like any other event that fails. So a release
// must be able to read a new type or version of event before any release writes it: nodes of both releases can then run side by
// side, and an upgrade can be reversed. testdata/payloads holds stored payloads of each version, which every later binary must read.
//
//	          handled
//	log ---------------------> done
//	 |  failed         ^
//	 +--> retry queue -+
//	          |  Attempts
//	          +-------> dead letter --retry--> retry queue
//
// # Limits
//
// A batch of a group has at most 500 events, a batch of a follower at most 1,000. Retention removes an event when every group has
// passed it and it is older than the configured time; a reader whose position is before a removed event gets a gap reported.
package events
