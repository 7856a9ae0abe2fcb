// Package live tells subscribers of this node what has happened.
//
// The Hub observes the log: what a transaction committed comes to Observe in the writer's goroutine,
// which only puts it down. Two goroutines carry it on, one for home timelines (they ask SQL whom a tweet
// concerns) and one for counts; ends of sessions are told at once.
//
// Guarantees. Events of home timelines come in the order of the commits as this node saw them. Of a
// tweet's counts the last state always arrives; states between may be merged, and none goes back.
//
// Limits. The home queue holds 4,096 events; when it is full, every home subscriber gets a reset
// instead. A home subscriber's own queue holds 256 events; when it is full it is emptied and a reset is
// what comes next. A counts subscriber holds one state per tweet that it asked for. Nobody waits for a
// slow subscriber.
//
// Lifecycle. Start runs the goroutines, Stop ends them; subscriptions end with their own context.
package live
