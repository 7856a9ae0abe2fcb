// Package live pushes committed events to the subscribers of this node.
//
// The node's events.Follower applies the log in batches. A Tail passes each applied batch on to the Hub, so events that any
// node commits reach the subscribers of every node. A commit on the same node wakes the follower directly, a commit on another
// node wakes it through Redis. If a wake-up is lost, an events.Lookout finds the event within 600 ms. On the node that
// commits them, reaction counts and ends of sessions do not wait for the log: once the cached rows are invalidated, the
// writer's goroutine passes the events to Hub.Observe. Observe never blocks; the hub's own goroutine passes reaction counts on
// to the subscribers. Counts that another node has changed are read once, for all subscribers of this node and all changes until then.
//
//	hub := live.New(timelines.Audience)            // a lifecycle service, started before the tail
//	tail := live.NewTail(hub, follower.Position)   // its Take gets the batches that the follower has applied
//	sub := hub.SubscribeHome(viewerID)
//	defer sub.Close()
//	changes, err := sub.Next(ctx)                  // waits; oldest first
//
// Home timelines. Package timelines defines which event changes which home timelines, and how. Subscriptions and CatchUp both
// use this definition. So a client that reconnects gets the same changes that it would have got while connected.
//
// Positions. The hub's position covers an event only after every cached read of the node shows the event's changes. So three
// things are never older than the position that a client gets with them: a page that is read after the position was noted, a
// page that is read again after a reset, and the first state of a subscription.
//
// Guarantees. Changes of home timelines arrive in the order of the log, each with its position. A subscription that resumes
// just after the position of the last change that it got misses nothing and gets nothing twice, whichever node it resumes on.
// The last state of a tweet's reaction counts always arrives. Earlier states may be left out, and no older state follows a
// newer one.
//
// Limits. The queue of a home subscription holds 256 changes. A full queue is emptied, and the subscriber gets a reset next. A
// reaction subscription holds one state for each of its tweets. A node that falls 50,000 events behind, or behind the retention
// of the log, skips them: home subscriptions are reset, reaction subscriptions read the counts again, and the session checker
// finds the sessions that ended. Nothing waits for a slow subscriber. An event that cannot be read resets all home
// subscriptions, and the counts of its tweet are read again.
//
// Epochs. When the database has gone back to an earlier state, the log is in another epoch (see package events). Every home
// subscription is then reset with Expired, and every reaction subscription reads the counts again, whatever revisions it had.
//
// Lifecycle. Start runs the goroutines and Stop ends them. A subscription ends with Close; its Next ends with the context.
package live
