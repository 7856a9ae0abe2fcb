package transport

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/admission"
	"roost/internal/errs"
	"roost/internal/reqstats"
)

// maxCursor bounds the header Last-Event-ID, in bytes; cursors are much shorter.
const maxCursor = 1 << 10

// comeBackAfter is how long a browser waits before it opens a stream again that has ended without `complete`.
const comeBackAfter = time.Second

// eventStream is the wire of the answer to one request with a subscription, a stream of Server-Sent Events. The goroutine of net/http
// that handles the request is its writer, so a stream needs no other goroutine.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	// conn is the connection below, nil if that serves other requests at the same time (HTTP/2).
	conn net.Conn
	// due wakes the writer.
	due chan struct{}
	// isCut is set when the client is not to take the stream's end for a good one.
	isCut atomic.Bool
	// Of the writer: complete is set when the last message of the operation has been sent.
	complete bool
}

// Outlived is implemented by connections that distinguish streams from other answers, see ConnKey.
type Outlived interface {
	// Streams is called when a stream begins, with which the connection will end.
	Streams()
}

// stream answers a request with the events of a subscription. It returns when the stream has ended and nothing of it runs any more.
func (x *exchange) stream(exec graphql.GraphExecutor, oc *graphql.OperationContext) {
	s := x.Streams
	addr := Network(x.r.RemoteAddr)
	if status, err := s.reserve(addr); err != nil {
		s.cfg.Observer.SocketRefused()
		x.refuse(status, err)
		return
	}
	base, who := s.cfg.Caller(x.r)
	if !s.claimUser(who.UserID) {
		if who.Release != nil {
			who.Release()
		}
		s.free(addr)
		s.cfg.Observer.SocketRefused()
		x.refuse(http.StatusTooManyRequests, &errs.Error{
			Kind: errs.RateLimited, Message: "too many sockets and streams of this user", RetryAfter: time.Second,
		})
		return
	}
	s.cfg.Observer.StreamOpened()
	e := &eventStream{w: x.w, control: http.NewResponseController(x.w), due: make(chan struct{}, 1)}
	if c, ok := x.r.Context().Value(ConnKey{}).(net.Conn); ok && x.r.ProtoMajor == 1 {
		e.conn = c
	}
	c := newConn(base, s, addr, exec)
	c.wire, c.who, c.acked = e, who, true
	c.out = newOutbox(func() { wake(e.due) })
	op := &operation{c: c, who: who, start: x.start, kind: string(ast.Subscription), code: "OK", open: true,
		after: lastEventID(x.r)}
	op.ctx, op.cancel = context.WithCancel(c.ctx)
	c.running = append(c.running, op)
	c.keepAlive()
	defer e.finish(c)
	if !s.register(c) {
		c.shut(closeRestart, "Service restart", flush)
	}
	if who.Ended != nil {
		c.mu.Lock()
		c.watch(who.Ended)
		c.mu.Unlock()
	}
	x.sent = true
	e.open(x)
	op.runOn(oc, admission.FromContext(x.r.Context()))
	e.serve(c, x.r.Context().Done())
}

// lastEventID returns the cursor of the last event that the client has received, empty if it says none.
func lastEventID(r *http.Request) string {
	id := r.Header.Get("Last-Event-ID")
	if len(id) > maxCursor || checkPlain(id) != nil {
		return "" // it is not ours
	}
	return id
}

// open sends the headers.
func (e *eventStream) open(x *exchange) {
	h := x.w.Header()
	if x.BeforeWrite != nil {
		x.BeforeWrite(x.r.Context(), h)
	}
	h["Content-Type"], h["X-Accel-Buffering"] = typeHeader(mediaEvents), []string{"no"}
	h.Set("Cache-Control", "no-store")
	if x.r.ProtoMajor == 1 {
		h.Set("Connection", "close")
	}
	if c, ok := e.conn.(Outlived); ok {
		c.Streams()
	}
	_ = e.control.SetReadDeadline(time.Time{}) // the request has been read
	_ = e.control.SetWriteDeadline(time.Now().Add(x.Streams.cfg.WriteTimeout))
	e.w.WriteHeader(http.StatusOK)
	_, _ = e.w.Write(appendRetry(nil, comeBackAfter)) // if this fails, so does what follows
	_ = e.control.Flush()
}

// serve sends what there is to send until the stream ends. left is closed when the client has left.
func (e *eventStream) serve(c *conn, left <-chan struct{}) {
	for {
		select {
		case <-c.written:
			return
		case <-e.due:
			c.write()
		case <-left:
			left = nil
			c.peerCode = closeNormal // so clients end a subscription
			c.shut(closeNormal, "", gone)
		}
	}
}

// finish waits until everything that belongs to the stream has ended.
func (e *eventStream) finish(c *conn) {
	c.shut(closeInternal, "Internal error", gone) // only after a panic it was not shut
	c.settle()
	c.s.gone(c)
	if e.isCut.Load() {
		panic(http.ErrAbortHandler)
	}
}

func (*eventStream) name() string { return "sse" }

// deliver sends a message, in parts of an event or in several events, as it is.
func (e *eventStream) deliver(l letter, deadline time.Time) error {
	if err := e.write(l.data, deadline); err != nil {
		return err
	}
	e.complete = e.complete || bytes.HasSuffix(l.data, completeEvent)
	return nil
}

func (e *eventStream) write(data []byte, deadline time.Time) error {
	if err := e.control.SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := e.w.Write(data); err != nil {
		return err
	}
	return e.control.Flush()
}

// ping sends a comment, which clients ignore.
func (e *eventStream) ping(deadline time.Time) error { return e.write(pingEvent, deadline) }

// written does nothing: each write has a deadline of its own.
func (*eventStream) written() {}

// farewell ends the stream. A client that is to come back sees the end of the stream and no `complete`.
func (e *eventStream) farewell(code int, _ string, deadline time.Time) error {
	var last *errs.Error
	switch {
	case e.complete:
	case code == closeForbidden:
		last = errs.New(errs.Unauthenticated, "the session has ended")
	case code == closeInternal:
		last = errs.NewInternal()
	}
	if last == nil {
		_ = e.control.SetWriteDeadline(deadline) // for what net/http writes at the end
		return nil
	}
	presented := ToGraphQL(last)
	presented.Extensions["closeCode"] = code
	return e.write(e.encodeError(nil, gqlerror.List{presented}), deadline)
}

// cut makes writes fail. The handler then ends the connection.
func (e *eventStream) cut(reset bool) {
	e.isCut.Store(true)
	if t := tcp(e.conn); t != nil && reset {
		_ = t.SetLinger(0)
	}
	_ = e.control.SetWriteDeadline(longAgo)
}

// Parts of a stream of events.
var (
	nextEvent     = []byte("event: next\n")
	nextEventID   = []byte("event: next\nid: ")
	dataField     = []byte("data: ")
	dataFieldNext = []byte("\ndata: ")
	eventEnd      = []byte("\n\n")
	completeEvent = []byte("event: complete\ndata:\n\n")
	pingEvent     = []byte(":\n\n")
)

// encodeStart is an event without data: browsers keep its id, and notice nothing else.
func (*eventStream) encodeStart(cursor string) []byte {
	if !isEventID(cursor) {
		return nil
	}
	return []byte("id: " + cursor + "\n\n")
}

func (*eventStream) encodeNext(_ []byte, cursor string, resp *graphql.Response) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(len(resp.Data) + len(cursor) + 48)
	if isEventID(cursor) {
		b.Write(nextEventID)
		b.WriteString(cursor)
		b.Write(dataFieldNext)
	} else {
		b.Write(nextEvent)
		b.Write(dataField)
	}
	at := b.Len()
	if err := appendResponse(&b, resp); err != nil {
		return nil, err
	}
	joinLines(b.Bytes()[at:])
	b.Write(eventEnd)
	return b.Bytes(), nil
}

func (*eventStream) textOfNext(_ []byte, cursor string, payload []byte) text {
	if bytes.ContainsAny(payload, "\r\n") {
		payload = bytes.Clone(payload) // others send it, too
		joinLines(payload)
	}
	if isEventID(cursor) {
		return text{nextEventID, []byte(cursor), dataFieldNext, payload, eventEnd}
	}
	return text{nextEvent, nil, dataField, payload, eventEnd}
}

func (*eventStream) encodeComplete([]byte) []byte { return completeEvent }

// encodeError is a result that has only errors, and the end.
func (e *eventStream) encodeError(_ []byte, list gqlerror.List) []byte {
	return eventsOf(&graphql.Response{Errors: list})
}

// eventsOf is the whole answer to an operation that has one result.
func eventsOf(resp *graphql.Response) []byte {
	var e *eventStream
	data, err := e.encodeNext(nil, "", resp)
	if err != nil {
		data, _ = e.encodeNext(nil, "", failed(ToGraphQL(err)))
	}
	return append(data, completeEvent...)
}

// isEventID reports whether a cursor can be the id of an event.
func isEventID(cursor string) bool { return cursor != "" && !strings.ContainsAny(cursor, "\r\n\x00") }

// joinLines makes JSON one line. Lines end only between its tokens, because texts escape the characters that end lines.
func joinLines(json []byte) {
	for i, c := range json {
		if c == '\n' || c == '\r' {
			json[i] = ' '
		}
	}
}

// appendRetry appends how long a browser is to wait before it opens the stream again.
func appendRetry(b []byte, after time.Duration) []byte {
	b = append(b, "retry: "...)
	b = strconv.AppendInt(b, after.Milliseconds(), 10)
	return append(b, "\n\n"...)
}

// comeBack answers a request for a stream that cannot begin now by a stream that ends at once, so that a browser asks again after a
// while. EventSource, which always uses GET, would give up after any status but 200. It reports false for other requests.
func comeBack(w http.ResponseWriter, r *http.Request, status int, err *errs.Error) bool {
	if r.Method != http.MethodGet || status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests || !WantsEvents(r) {
		return false
	}
	h := w.Header()
	h["Content-Type"] = typeHeader(mediaEvents)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(appendRetry(nil, max(err.RetryAfter, comeBackAfter)))
	return true
}

// runOn begins the subscription of a stream. ticket is the request's, which no longer counts as running when the subscription has begun.
func (op *operation) runOn(oc *graphql.OperationContext, ticket *admission.Ticket) {
	defer func() {
		if !op.handedOn {
			op.ended()
		}
	}()
	defer ticket.Leave()
	defer op.recover()
	ctx := admission.With(op.ctx, ticket)
	if op.who.Ctx != nil {
		ctx = op.who.Ctx(ctx)
	}
	ctx, _ = reqstats.With(ctx)
	oc.Headers = nil // they would stay as long as the subscription
	op.begin(ctx, oc)
}
