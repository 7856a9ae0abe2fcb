// Package pullstream lets the sender of a subscription's events also produce them.
//
// gqlgen takes a subscription's events from a channel, so a resolver usually needs a goroutine that fills the channel,
// beside the goroutine that empties it and sends. A node has thousands of subscriptions, most of which wait most of the
// time. With this package one goroutine per subscription is enough: the sender's goroutine waits for an event, puts it
// into the channel, and lets gqlgen take it from there.
//
// A resolver returns a channel. A Source, which the resolver provides, produces the events in it:
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
// # No event is lost
//
// gqlgen resolves the fields of an event after it has taken the event from the channel, and a field may fail. The sender
// then calls Again, which puts the same event into the channel once more after a pause, a bounded number of times. After
// that it calls Replace, which puts a substitute into the channel: what the source's Lost returns. When neither helps, the
// sender ends the subscription with the error. With Retry, a resolver retries the reads from which it makes an event, by
// the same rules.
//
// A Stream belongs to one goroutine. The package starts a goroutine only when Events is used without a sender.
package pullstream
