// Package outbox measures the way from a commit to its effect: through Roost's event log, and through the
// plain outbox that it is compared with.
//
// # What is measured
//
// Writers commit transactions of events, and nothing but events. Each event has one effect, a row of its
// own, written by the handler of a consumer group or by the poller. Everything but PostgreSQL is in this
// process: writers, sequencer, workers, poller. Latency is from the time that a commit was acknowledged to
// the time that the commit of the effect was.
//
// [NewLog] is the product's package events with its own settings: one sequencer, one consumer group of
// [Partitions] partitions with batches of up to 500, woken by commits as in a node.
//
// [NewPlain] is an afternoon's work: the same inserts as prepared statements, and one
// poller, woken by commits, that in one transaction removes up to 500 rows with FOR UPDATE SKIP LOCKED and
// writes the same effects in one statement. It has no order, no positions, no groups, no retries, and nothing
// is left to read or replay.
//
// # What is not
//
// Rows of the domain, the wake-up through Redis of other nodes, several groups that read the same events, and
// several nodes that compete for partitions.
//
// # Loads
//
// [Run.Closed] is a closed loop: each writer commits a transaction of events and waits for the effects of all
// of them. [Run.Open] commits one event in a transaction at a fixed rate. Both return when every event has had
// its effect, and fail when one had two.
package outbox
