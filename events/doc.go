// Package events stores the events of each write in an outbox, and reads them back as a log.
//
// Everything that happens after a write starts from its events. These are stored in the same transaction as the rows:
//
//	err := log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
//		// change rows through tx.Tx
//		tx.Emit(events.TweetPosted{TweetID: id, AuthorID: author, AuthorVersion: version})
//		return nil
//	})
//
// A consumer group handles each event once, on any of the nodes. It stores the effects of events and its own position in SQL:
//
//	group, err := events.NewGroup(client, db, clock, events.GroupConfig{Name: "search", Partitions: 4,
//		Types: []string{events.TweetPosted{}.Type()}, Handler: events.HandlerFunc(index)})
//	services.Add("consumer group search", group) // Start and Stop
//
// # Writing
//
// Log.Write is the only way to write domain rows, apart from bulk imports and the removal of expired sign-in counters.
// After the commit it passes the events to the observers of this node. That is a hint for speed; the log holds the truth.
//
// # The order
//
// Each committed event gets an offset in the log, its seq. Seqs have no gaps, and no event gets a lower seq than one that was
// assigned earlier. So within an epoch (see below) a position in the log is one number, and a reader at a position has missed
// nothing before it.
//
// SQLite has one writer, so there an event's seq is the id of its row. On PostgreSQL, where ids are assigned before the commit
// and their order means nothing, a Sequencer numbers the committed events. Any number of sequencers may run. Each numbering is
// one call of a database function, which locks the head of the log and ends by itself, so a sequencer that freezes blocks
// nobody. An open transaction delays only its own events.
//
// If transaction A commits before transaction B inserts its events, the events of A come first, however long A, B or any
// sequencer was delayed. So events of writes that lock the same row before they emit are in the order of the commits, and the
// events of an acknowledged write come before the events of every write that begins afterwards. The events of two writes that
// overlap in time and share no lock may come in either order, even if both are about one aggregate; consumers compare the
// versions in such events. Decision 12 lists the rows that each kind of write locks.
//
// # Wake-ups and lookouts
//
// Wake-ups are hints. Sequencer, Follower and Group are woken by the writes of their process and by other nodes, and poll in case
// a wake-up is lost. In a process in which they rely on the sequencer's Lookout, they leave out the statements of these polls
// while the lookout has just seen that there is nothing to do:
//
//	follower.Rely(sequencer.Lookout())
//	group.Rely(sequencer.Lookout())
//
// An event of which nobody was woken is then found within 600 ms. If the lookout cannot look, or has found such an event, all
// readers poll as if there were no lookout. Decision 20 has the table of all loops.
//
// # Epochs
//
// A database can go back to an earlier state: a standby that lacks the last writes takes over, or a backup is restored. The log
// then begins a new epoch, and a Position of one epoch means nothing in another. The first read of the log that finds the new
// epoch reports it to Epochs, and Epochs switches the whole process to the new epoch. A Follower continues from the point where
// that epoch began, and reports the change with Batch.Restart. A Group never advances a position of an earlier epoch. Decision
// 18 explains why this is safe.
//
// # Followers
//
// A Follower reads the whole log on behalf of one process and applies it there, batch by batch. Its position covers an event
// only after the event is applied, so a read that begins after the process has reported a position shows every event up to that
// position. CatchUp waits until everything that was committed before the call has been applied. A write that finds its work
// already done must report this with Tx.AlreadyDone, because the node that did the work may have died before it invalidated the
// copies. Before the write is acknowledged, Log.Write then invalidates these copies, or waits with CatchUp if it cannot.
//
// # Consumer groups
//
// A Group divides the aggregates into partitions, and has a position of its own in the log for each partition. A node works on
// a partition while it holds a lease on it in the database. The lease runs by the clock of PostgreSQL, because the clocks of
// nodes may differ. A worker that freezes past its lease does no harm: its effects and its position commit together, and only
// the owner of the lease can move the position. So effects in SQL happen exactly once. Other effects happen at least once and
// must be idempotent. Events of one aggregate are handled in the order of the log.
//
// # Failure
//
// An event that cannot be handled is copied to the group's retry queue, and later events of its aggregate follow it there. The
// event is tried again after 1 s, 2 s, 4 s and so on, up to a minute. After GroupConfig.Attempts failed attempts it becomes a
// dead letter: it delays no other event and waits for `roost events retry`. While the database cannot be reached, no event goes
// to the queue: the group waits. Retries run by the clocks of the nodes; where these differ by some seconds, a retry comes
// earlier or later by as much.
//
// An event that this binary cannot read fails with ErrUnreadable, and is retried like any other event that fails. So a new type
// or version of an event takes two releases: the first can read it, and only the second writes it. Nodes of both releases can
// then run side by side, and an upgrade can be reversed. testdata/payloads holds stored payloads of each version, which every
// later binary must read.
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
// A batch of a group has at most 500 events, a batch of a follower at most 1,000. Retention removes the events that every group
// has passed and that are older than the configured time. If a reader's position is before a removed event, the next read
// reports a gap.
package events
