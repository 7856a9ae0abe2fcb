// Package pullstream lets the sender of a subscription's events also produce them.
//
// gqlgen takes a subscription's events from a channel, so usually the resolver needs a goroutine that fills the channel, in
// addition to the goroutine that empties the channel and sends the events. A node has thousands of subscriptions, most of which
// wait most of the time. With this package one goroutine per subscription is enough: the sender's goroutine waits for an event
// and puts it into the channel, from which gqlgen then takes it.
//
// A resolver returns a channel, and provides a Source that produces the events:
//
//	return pullstream.Events(ctx, pullstream.Source[*Event]{Next: next, End: unsubscribe}), nil
//
// The sender calls Next before it takes each response:
//
//	ctx, stream := pullstream.With(ctx)
//	defer stream.Close()
//	responses, ctx := executor.DispatchOperation(ctx, operation) // the resolver runs
//	for stream.Next(); ; stream.Next() {
//		response := responses(ctx)
//		if response == nil {
//			return stream.Err()
//		}
//		if len(response.Errors) > 0 && stream.Again(pullstream.Retries) {
//			continue // the same event once more
//		}
//		send(response)
//	}
//
// # Waiting without a goroutine
//
// A source may have a Ready function, which reports whether there is an event, or takes a function that is called once there is.
// The sender then needs no goroutine while it waits. It calls Next when Ready has reported true, in a goroutine that works for many
// streams. So Next must not wait then, except after it has called Blocking; Retry does so by itself.
//
// # No event is lost
//
// gqlgen resolves the fields of an event after it has taken the event from the channel, and a field may fail. The sender then
// calls Again, which puts the same event into the channel once more after a pause. It does so up to Retries times. After that,
// the sender calls Replace, which puts a substitute into the channel: the event that the source's Lost returns. When this does
// not help either, the sender ends the subscription with the error. A resolver that reads data to make an event uses Retry,
// which retries these reads as often and with the same pauses.
//
// A Stream belongs to one goroutine. The package starts a goroutine only when Events is used without a sender.
package pullstream
