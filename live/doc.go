// Package live tells subscribers of this node what has happened.
//
// A Tail carries the log to the Hub, so that what any node commits reaches the subscribers of every node. It is fed by
// the node's events.Follower, which is woken by the node's own commits and, through Redis, by those of others; a
// wake-up may be lost, then the follower looks by itself after 200 ms. Counts and ends of sessions of the node's own
// commits do not wait for that: once the write's copies are invalidated they come to Observe in the writer's goroutine,
// which only puts them down.
//
// Positions. The hub's position covers an event only after the follower has made every cached read of the node show
// what the event changed. So a page that is read after its position was noted, a page that is read again after a reset,
// and the first state of a subscription are never older than the position that goes with them.
//
// Guarantees. Events of home timelines come in the order of the log, each with its place in it: a
// subscription that knows the place of the last event it got misses nothing and gets nothing twice, on
// whichever node it goes on. Of a tweet's counts the last state always arrives; states between may be
// merged, and none goes back.
//
// Limits. A home subscriber's queue holds 256 changes; when it is full it is emptied and a reset is what
// comes next. A counts subscriber holds one state per tweet that it asked for. A node that is 50,000
// events behind, or further than retention, skips them: its home subscribers are reset, its counts
// subscribers told to read again, and ended sessions are found by the checker. Nobody waits for a slow subscriber. An
// event that cannot be read resets home subscribers, and has those of its tweet's counts read again.
//
// In another epoch of the log, because the database went back, every home subscriber is reset (Expired) and every counts
// subscriber reads again, whatever the revisions were.
//
// Lifecycle. Start runs the goroutines, Stop ends them; subscriptions end with their own context.
package live
