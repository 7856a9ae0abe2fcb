// Package outbox compares Roost's event log with a plain outbox. For both it measures how fast events get from their commit to
// their effect.
//
// # What is measured
//
// Writers commit transactions that contain only events. Each event has one effect: the handler of a consumer group, or the
// poller, writes a row for it. Everything except PostgreSQL is in this process: writers, sequencer, workers, poller. Latency is
// the time from the acknowledgement of the event's commit to the acknowledgement of the effect's commit.
//
// [NewLog] uses the product's package events with the product's settings: one sequencer and one consumer group of [Partitions]
// partitions, with batches of up to 500 events. Commits wake both, as in a node.
//
// [NewPlain] is an outbox that one can write in an afternoon: the same inserts as prepared statements, and one poller, which
// commits wake. In one transaction the poller removes up to 500 rows with FOR UPDATE SKIP LOCKED and writes the same effects
// with one statement. This outbox has no order, no positions, no groups and no retries, and it keeps no events that could be
// read or replayed later.
//
// # What is not measured
//
// Rows of the domain, the wake-up of other nodes through Redis, several groups that read the same events, and several nodes
// that compete for partitions.
//
// # Loads
//
// [Run.Closed] is a closed loop: each writer commits a transaction of events and waits until all of these events have had their
// effects. [Run.Open] commits transactions of one event each, at a fixed rate. Both return when every event has had its effect,
// and fail if an event had its effect twice.
package outbox
