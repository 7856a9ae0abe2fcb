package transport

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/errs"
	"roost/internal/pullstream"
	"roost/internal/reqstats"
)

// stream is a subscription that runs. While it waits for an event it has no goroutine: it is parked, and wake hands it to one of
// the few goroutines of the socket's runner. That goroutine makes the event, sends it, and parks the stream again.
type stream struct {
	op        *operation
	ctx       context.Context // of its events
	done      <-chan struct{} // of ctx, which is far away: contexts are looked through one by one
	events    *pullstream.Stream
	responses graphql.ResponseHandler
	open      *openStream
	// wakeUp is wake as a function value, which is made once.
	wakeUp func()
	state  atomic.Int32

	// Of the goroutine that works for it:
	worker  *worker
	awaited *sharedEvent // made by an equal stream for the event that this one is about to send; nil if none
}

// States of a stream.
const (
	working  int32 = iota // a goroutine works for it, or is about to
	parked                // it has no goroutine
	notified              // a goroutine works for it, and has to look again before it parks the stream
)

// wake makes a goroutine work for the stream, or makes the one that does so look again. It does not block.
func (st *stream) wake() {
	for {
		switch {
		case st.state.CompareAndSwap(parked, working):
			st.op.c.s.runner.add(st)
			return
		case st.state.CompareAndSwap(working, notified), st.state.Load() == notified:
			return
		}
	}
}

// park ends the work for the stream until wake is called. It reports false if wake was called already.
func (st *stream) park() bool {
	if st.state.CompareAndSwap(working, parked) {
		return true
	}
	st.state.Store(working)
	return false
}

// wake makes a subscription notice that it has been cancelled. Other operations notice by themselves.
func (op *operation) wake() {
	if st := op.running.Load(); st != nil {
		st.wake()
	}
}

// begin starts a subscription. Its events are made in other goroutines, whose stacks have not been grown by parsing and validation.
func (op *operation) begin(ctx context.Context, oc *graphql.OperationContext) {
	op.stream.Store(true)
	s := op.c.s
	opened, refusal := s.streams.open(op.who, op.c.addr, keyOf(op.who, oc, s.cfg.Personal(oc)), s.cfg.Cost(oc))
	if refusal != nil {
		op.fail(gqlerror.List{ToGraphQL(refusal)})
		return
	}
	ctx, events := pullstream.With(ctx)
	events.After = op.after
	st := &stream{op: op, events: events, open: opened}
	defer func() {
		if !op.handedOn { // after a panic
			st.close()
		}
	}()
	events.Blocks = st.leave
	st.responses, ctx = op.c.exec.DispatchOperation(ctx, oc)
	st.ctx = withRoot(ctx, oc)
	st.done = st.ctx.Done()
	oc.Stats = graphql.Stats{} // it was needed until here, and would stay as long as the subscription
	st.wakeUp = st.wake
	if start := op.c.wire.encodeStart(events.Cursor()); start != nil {
		op.send(&text{start}, false)
	}
	op.handedOn = true
	op.c.wg.Add(1)
	op.running.Store(st)
	s.runner.add(st)
}

// isOver reports whether the context of the events is done.
func (st *stream) isOver() bool {
	select {
	case <-st.done:
		return true
	default:
		return false
	}
}

func (st *stream) close() {
	st.events.Close()
	st.open.close()
}

// leave is called before anything that may take a while: the runner's other streams do not wait for it.
func (st *stream) leave() {
	if st.worker != nil {
		st.worker.leave()
	}
}

// work sends the events of a subscription until it has to wait for the next one. After the last event it ends the subscription.
func (st *stream) work(w *worker) {
	waiting := false
	defer func() {
		if !waiting {
			st.close()
			st.op.ended()
			st.op.c.wg.Done()
		}
	}()
	defer st.op.recover()
	st.worker = w
	for {
		switch {
		case st.awaited != nil: // the event is there already
		case st.isOver() || st.events.Ready(st.wakeUp):
			st.events.Next()
		default:
			if waiting = st.park(); waiting {
				return
			}
			continue
		}
		switch st.send() {
		case ends:
			return
		case waits:
			if waiting = st.park(); waiting {
				return
			}
		}
	}
}

// sending is the result of sending an event.
type sending int

const (
	ends  sending = iota // the stream is over
	sent                 // more may come
	waits                // an equal stream makes the event, and wakes this one when it is made
)

func goesOn(more bool) sending {
	if more {
		return sent
	}
	return ends
}

// send sends an event, or the end of the stream. An event that an equal stream has made is sent as it is.
func (st *stream) send() sending {
	event, own := st.awaited, false
	if event == nil {
		event, own = st.open.equals.claim(st.events.Key())
	}
	switch {
	case event == nil:
		return st.make(nil)
	case own:
		defer event.finish(nil) // after a panic as well
		return st.make(event)
	}
	payload, made := event.payloadOr(st.wakeUp)
	if !made && !st.isOver() {
		st.awaited = event
		return waits
	}
	st.awaited = nil
	if payload == nil {
		return st.make(nil)
	}
	st.events.Skip()
	t := st.op.c.wire.textOfNext(st.op.key, st.events.Cursor(), payload)
	return goesOn(st.op.send(&t, false))
}

// make makes the event and sends it. It finishes the event for equal streams, if there is one. Each event has statistics of its own.
func (st *stream) make(event *sharedEvent) sending {
	st.leave()
	ctx, _ := reqstats.With(st.ctx)
	resp := st.responses(ctx)
	if event != nil {
		event.finish(encodePayload(resp))
	}
	switch {
	case resp == nil:
		if err := st.events.Err(); err != nil { // it must not look like one that is over
			presented, ok := errors.AsType[*gqlerror.Error](err)
			if !ok {
				presented = ToGraphQL(err)
			}
			return st.end(gqlerror.List{presented})
		}
		return st.end(nil)
	case len(resp.Data) == 0: // it could not start
		return st.end(requestErrors(resp.Errors))
	case len(resp.Errors) > 0 && st.events.Again(retries(resp.Errors)):
		return sent
	case lacksEvent(resp):
		if st.events.Replace() {
			return sent
		}
		return st.end(resp.Errors) // the client is to subscribe again for the event
	}
	return goesOn(st.op.next(resp, st.events.Cursor()))
}

// end sends the stream's last message: that it is complete, or why it failed. The charge ends before, because the client may open
// another subscription as soon as it has read the message.
func (st *stream) end(failed gqlerror.List) sending {
	st.open.close()
	if len(failed) > 0 {
		st.op.fail(failed)
	} else {
		st.op.complete()
	}
	return ends
}

// retries is how often an event is resolved again after these errors.
func retries(list gqlerror.List) (most int) {
	for _, e := range list {
		switch code, _ := e.Extensions["code"].(string); errs.Kind(code) {
		case errs.Unavailable, errs.RateLimited:
			most = pullstream.Retries
		case errs.Internal:
			most = max(most, 1) // the error may not come again
		}
	}
	return most
}

// lacksEvent reports whether an error below the subscription's field has turned the whole event into null, its cursor
// included. An event that lacks less arrives with its errors.
func lacksEvent(resp *graphql.Response) bool {
	return len(resp.Errors) > 0 && bytes.HasSuffix(resp.Data, []byte(`":null}`))
}

// withRoot puts the subscription's field into the context of its events: gqlgen leaves it out, and the
// paths of errors would begin below it.
func withRoot(ctx context.Context, oc *graphql.OperationContext) context.Context {
	fields := graphql.CollectFields(oc, oc.Operation.SelectionSet, []string{"Subscription"}) // as gqlgen, which remembers it
	if len(fields) != 1 {
		return ctx
	}
	return graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Subscription", Field: fields[0]})
}
