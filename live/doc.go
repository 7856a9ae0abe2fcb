// Package live pushes committed events to the subscribers of this node.
//
// A Tail takes the log from the node's events.Follower and passes it to the Hub, so that what any node commits reaches the
// subscribers of every node. Commits of the node itself wake the follower directly, commits of other nodes through Redis. A
// wake-up may be lost; then the follower reads the log by itself after 200 ms. Reaction counts and ends of sessions do not
// wait for the log on the node that commits them: once the cached rows are invalidated, Observe takes them in the writer's
// goroutine, which only stores them for the hub's own goroutine.
//
//	hub := live.New(timelines.Audience)            // a lifecycle service, started before the tail
//	tail := live.NewTail(hub, follower.Position)   // its Take gets the batches that the follower has applied
//	sub := hub.SubscribeHome(viewerID)
//	defer sub.Close()
//	changes, err := sub.Next(ctx)                  // waits; oldest first
//
// Home timelines. Package timelines says which event changes which home timelines, and how. Subscriptions and CatchUp both
// ask it, so a client gets the same changes as they happen and when it comes back later.
//
// Positions. The hub's position covers an event only after every cached read of the node shows what the event changed. So
// three things are never older than the position that goes with them: a page read after the position was noted, a page
// read again after a reset, and the first state of a subscription.
//
// Guarantees. Changes of home timelines arrive in the order of the log, each with its position. A subscription that resumes
// behind the position of the last change it got misses nothing and gets nothing twice, on whichever node it resumes. The
// last state of a tweet's reaction counts always arrives. States between may be merged, and no older state follows a newer
// one.
//
// Limits. The queue of a home subscription holds 256 changes. When it is full it is emptied, and the subscriber gets a reset
// next. A reaction subscription holds one state for each of its tweets. A node that falls 50,000 events behind, or behind
// the retention of the log, skips them: home subscriptions are reset, reaction subscriptions read the counts again, and
// the session checker finds the sessions that ended. Nothing waits for a slow subscriber. An event that cannot be read
// resets all home subscriptions, and the counts of its tweet are read again.
//
// Epochs. When the database has gone back, the log is in another epoch: every home subscription is reset with Expired, and
// every reaction subscription reads again, whatever the revisions were.
//
// Lifecycle. Start runs the goroutines and Stop ends them. A subscription ends with Close; its Next ends with the context.
package live
