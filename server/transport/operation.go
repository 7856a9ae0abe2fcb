package transport

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/admission"
	"roost/internal/errs"
	"roost/internal/moment"
	"roost/internal/reqstats"
)

// operation is one `subscribe` of a client: a query, a mutation or a subscription.
type operation struct {
	c      *conn
	id     string
	key    []byte // id as JSON
	params *graphql.RawParams
	who    InitResult
	ctx    context.Context // of this operation alone; passed here from the reader to the goroutine
	cancel context.CancelFunc
	start  time.Time
	ticket *admission.Ticket // to run; a subscription runs until it has started

	// silenced is set when the client completes the operation: nothing more is sent.
	silenced atomic.Bool
	// after is the cursor after which a subscription begins, whatever its argument says; empty if the argument counts.
	after string
	// open is set while the id is taken and messages may be sent: until the client has completed the operation, or the last message
	// is sent. It is under the connection's lock.
	open bool
	// stream is set once it is known to be a subscription, and running once the subscription has begun.
	stream  atomic.Bool
	running atomic.Pointer[stream]

	// Of the goroutine that runs it:
	kind string
	code string // of the first error sent, OK before
	// handedOn is set once a stream has taken over.
	handedOn bool
}

// handleSubscribe starts an operation.
func (c *conn) handleSubscribe(m message) {
	var params *graphql.RawParams
	if m.refusal == nil {
		var err *errs.Error
		if params, err = decodeParams(m.Payload); err != nil {
			if params == nil || params.Query == "" && !namesDocument(params) {
				c.shut(closeBadMessage, "Invalid message", flush)
				return
			}
			m.refusal = err
		}
	}
	op := &operation{
		c: c, id: m.ID, key: encodeID(m.ID), params: params, start: time.Now(), kind: "none", code: "OK",
	}
	op.ctx, op.cancel = context.WithCancel(c.ctx)
	switch refusal, code, reason := c.admit(op, m.refusal); {
	case code != 0:
		op.cancel()
		c.shut(code, reason, flush)
	case refusal != nil:
		op.cancel()
		list := gqlerror.List{ToGraphQL(refusal)}
		c.s.cfg.Observer.Operation("socket", op.kind, codeOf(list), 0)
		c.post(c.wire.encodeError(op.key, list))
	default:
		c.begin(op)
	}
}

// begin runs an operation once the gate admits it. Until then the reader waits, so a connection has at most one operation that
// waits.
func (c *conn) begin(op *operation) {
	ticket, err := c.s.cfg.Gate.Enter(op.ctx, c.addr, admission.Patient)
	if err != nil {
		if op.ctx.Err() == nil {
			op.fail(gqlerror.List{ToGraphQL(err)})
		}
		op.ended()
		return
	}
	op.ticket = ticket
	c.wg.Go(op.run)
}

// admit registers the operation, or returns the error to answer with, or the code to close with.
func (c *conn) admit(op *operation, refusal *errs.Error) (_ *errs.Error, code int, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.acked:
		return nil, closeUnauthorized, "Unauthorized"
	case c.operation(op.id) != nil:
		return nil, closeDuplicate, "Subscriber for this id already exists"
	case refusal != nil:
		return refusal, 0, ""
	case c.retired != nil:
		return c.retired, 0, ""
	case len(c.running) >= c.s.cfg.Operations:
		return &errs.Error{
			Kind: errs.RateLimited, Message: "too many operations run on this socket", RetryAfter: time.Second,
		}, 0, ""
	}
	op.who = c.who
	op.open = true
	c.running = append(c.running, op)
	return nil, 0, ""
}

// operation returns the open operation with an id, or nil. There are few, so no map is kept of them. The caller holds the lock.
func (c *conn) operation(id string) *operation {
	for _, op := range c.running {
		if op.open && op.id == id {
			return op
		}
	}
	return nil
}

// handleComplete ends an operation without an answer.
func (c *conn) handleComplete(id string) {
	c.mu.Lock()
	op := c.operation(id)
	if op != nil {
		op.open = false
	}
	c.mu.Unlock()
	if op != nil {
		op.silenced.Store(true)
		op.cancel()
		op.wake()
	}
}

// run executes the operation and sends its results.
func (op *operation) run() {
	defer func() {
		if !op.handedOn {
			op.ended()
		}
	}()
	defer op.ticket.Leave()
	defer op.recover()
	ctx, oc := op.prepare()
	switch {
	case oc == nil || !op.charged(ctx, oc):
	case oc.Operation.Operation == ast.Subscription:
		op.begin(ctx, oc)
	default:
		ctx, _ = moment.With(ctx)
		op.single(ctx, oc)
	}
}

// prepare parses and checks the operation. It returns nil if the operation cannot run; the client has been sent the error.
func (op *operation) prepare() (context.Context, *graphql.OperationContext) {
	ctx := graphql.StartOperationTrace(admission.With(op.ctx, op.ticket))
	if op.who.Ctx != nil {
		ctx = op.who.Ctx(ctx)
	}
	op.params.ReadTime = graphql.TraceTiming{Start: op.start, End: time.Now()}
	ctx, _ = reqstats.With(ctx)
	oc, list := op.c.exec.CreateOperationContext(ctx, op.params)
	op.params = nil // a subscription lives long, and its text is in oc
	if list != nil {
		op.fail(requestErrors(list))
		return ctx, nil
	}
	op.kind = string(oc.Operation.Operation)
	return ctx, oc
}

// charged lets the caller pay, and refuses the operation otherwise.
func (op *operation) charged(ctx context.Context, oc *graphql.OperationContext) bool {
	err := charge(ctx, op.c.exec, oc)
	if err != nil {
		op.fail(gqlerror.List{ToGraphQL(err)})
	}
	return err == nil
}

// recover answers a panic.
func (op *operation) recover() {
	if p := recover(); p != nil {
		logPanic(op.ctx, op.c.s.cfg.Log, p)
		op.fail(gqlerror.List{ToGraphQL(errs.NewInternal())})
	}
}

// single sends the response of a query or mutation.
func (op *operation) single(ctx context.Context, oc *graphql.OperationContext) {
	ctx, cancel := context.WithTimeout(ctx, op.c.s.cfg.Timeout)
	defer cancel()
	responses, ctx := op.c.exec.DispatchOperation(ctx, oc)
	resp := responses(ctx)
	op.ticket.Leave() // it may take the client a while to read the answer
	_, refusal := unusable(resp)
	switch {
	case refusal != nil:
		op.fail(gqlerror.List{ToGraphQL(refusal)})
	case len(resp.Data) == 0:
		op.fail(requestErrors(resp.Errors))
	case op.next(resp, ""):
		op.complete()
	}
}

// next sends a response, and reports whether the operation may continue. cursor is the event's, empty if it has none.
func (op *operation) next(resp *graphql.Response, cursor string) bool {
	if op.code == "OK" {
		op.code = codeOf(resp.Errors)
	}
	data, err := op.c.wire.encodeNext(op.key, cursor, resp)
	if err != nil {
		op.fail(gqlerror.List{ToGraphQL(err)})
		return false
	}
	return op.send(&text{data}, false)
}

func (op *operation) complete() { op.send(&text{op.c.wire.encodeComplete(op.key)}, true) }

func (op *operation) fail(list gqlerror.List) {
	op.code = codeOf(list)
	op.send(&text{op.c.wire.encodeError(op.key, list)}, true)
}

// send sends a message, which is the operation's last if final is set: at once if nothing waits to be sent, otherwise through the
// queue, for which it waits for room. It reports false if the client has completed the operation, or if it has ended; then nothing
// is sent.
func (op *operation) send(t *text, final bool) bool {
	c := op.c
	c.mu.Lock()
	if !op.open {
		c.mu.Unlock()
		return false
	}
	if t.size() > maxAtOnce || !c.out.claim() {
		c.mu.Unlock()
		return op.queue(t.appendTo(make([]byte, 0, t.size())), final)
	}
	// Under the lock, so that the id is free exactly when the client can see that it is.
	if final {
		op.open = false
	}
	c.mu.Unlock()
	c.writeAtOnce(op, t)
	return true
}

// queue is send through the queue.
func (op *operation) queue(data []byte, final bool) bool {
	c := op.c
	c.unread.add(len(data))
	sent := false
	defer func() {
		if !sent {
			c.unread.add(-len(data))
		}
	}()
	var timer *time.Timer
	var slow bool
	for {
		c.mu.Lock()
		if !op.open {
			c.mu.Unlock()
			if timer != nil {
				c.out.passOn()
			}
			return false
		}
		// Under the lock, so that the id is free exactly when the client can see that it is.
		queued := c.out.put(letter{op: op, data: data})
		if queued && final {
			op.open = false
		}
		c.mu.Unlock()
		if queued {
			sent = true
			return true
		}
		if slow {
			c.shut(closeTryAgain, "Too slow", drop)
			return false
		}
		if timer == nil {
			timer = time.NewTimer(c.s.cfg.SlowAfter)
			defer timer.Stop()
		}
		switch err := c.out.wait(op.ctx, timer.C); err {
		case nil:
		case errSlow:
			slow = true // there may be room since the same moment
		default:
			return false
		}
	}
}

// ended is the last step of the operation's goroutine.
func (op *operation) ended() {
	op.cancel()
	c := op.c
	c.mu.Lock()
	op.open = false
	if i := slices.Index(c.running, op); i >= 0 {
		c.running = slices.Delete(c.running, i, i+1)
	}
	if c.opEnded != nil {
		close(c.opEnded)
		c.opEnded = nil
	}
	c.mu.Unlock()
	c.s.cfg.Observer.Operation(c.wire.name(), op.kind, op.code, time.Since(op.start))
	if c.ws == nil { // it was the only one
		c.shut(closeNormal, "", flush)
	}
}
