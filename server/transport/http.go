package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/admission"
	"roost/internal/deadline"
	"roost/internal/errs"
)

// Defaults of HTTP.
const (
	DefaultMaxBody = 256 << 10
	DefaultTimeout = 20 * time.Second
)

// HTTP answers POST and GET. It refuses every other request with 405, except for websockets, so it must be the last of the
// transports.
type HTTP struct {
	// MaxBody is the longest request body in bytes; 0 is DefaultMaxBody.
	MaxBody int64
	// Timeout ends an operation; 0 is DefaultTimeout.
	Timeout time.Duration
	// BeforeWrite may add headers to an answer, just before it is written; nil adds none.
	BeforeWrite func(ctx context.Context, h http.Header)
	// ReadGrace is how long a client may take to read an answer, with one more second for each ReadRate bytes. For small answers
	// only the server's own timeout applies. 0 means DefaultReadGrace and DefaultReadRate.
	ReadGrace time.Duration
	ReadRate  int
	// DocumentsOnly makes Receive refuse every request that brings its document, instead of naming it, before anything else is done for
	// it; see Persisted.Only.
	DocumentsOnly bool
	// Unread bounds the bytes of answers that clients have not read, and of requests that they have not sent in whole; nil is no bound.
	Unread *Unread
	// Streams has the limits of streams of Server-Sent Events, and drains them; nil refuses subscriptions.
	Streams *Socket
	// Observer counts operations; nil counts none.
	Observer Observer
	// Log receives panics; nil is slog.Default.
	Log *slog.Logger
}

var _ graphql.Transport = HTTP{}

// Supports reports whether the request is not for a websocket.
func (HTTP) Supports(r *http.Request) bool { return !websocket.IsWebSocketUpgrade(r) }

// Kept is an executor that keeps operations which have passed all checks, so that it has less to do for them the next time.
type Kept interface {
	graphql.GraphExecutor
	// Known makes the context of an operation that has passed all checks before. It returns nil if the operation is unknown, or
	// has to be refused; then CreateOperationContext decides. start is when the request began to be handled.
	Known(ctx context.Context, r *Request, h http.Header, start time.Time) *graphql.OperationContext
	// Keep is called with an operation that CreateOperationContext has made of the request.
	Keep(op *graphql.OperationContext, r *Request)
}

// Charger is an executor whose operations have to be paid for.
type Charger interface {
	// Charge lets the caller of an operation pay for it before it runs, or returns why it must not run.
	Charge(ctx context.Context, op *graphql.OperationContext) *errs.Error
}

func charge(ctx context.Context, exec graphql.GraphExecutor, op *graphql.OperationContext) *errs.Error {
	if c, ok := exec.(Charger); ok {
		return c.Charge(ctx, op)
	}
	return nil
}

// exchange is one HTTP request and its answer.
type exchange struct {
	*HTTP
	w     http.ResponseWriter
	r     *http.Request
	media string
	start time.Time
	kind  string
	sent  bool
}

// Do answers the request. Handler does the same with less work for each request.
func (h HTTP) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	h.Handler(exec).ServeHTTP(w, r)
}

// Handler returns a handler that answers requests by an executor.
func (h HTTP) Handler(exec graphql.GraphExecutor) http.Handler {
	h.setDefaults()
	kept, ok := exec.(Kept)
	if !ok {
		kept = forgetful{exec}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchange{HTTP: &h, w: w, r: r, start: time.Now(), kind: "none"}
		defer x.recover()
		x.run(kept)
	})
}

// forgetful is an executor that keeps nothing.
type forgetful struct{ graphql.GraphExecutor }

// Known is part of Kept.
func (forgetful) Known(context.Context, *Request, http.Header, time.Time) *graphql.OperationContext {
	return nil
}

// Keep is part of Kept.
func (forgetful) Keep(*graphql.OperationContext, *Request) {}

func (h *HTTP) setDefaults() {
	setDefault(&h.MaxBody, DefaultMaxBody)
	setDefault(&h.Timeout, DefaultTimeout)
	setDefault(&h.ReadGrace, DefaultReadGrace)
	setDefault(&h.ReadRate, DefaultReadRate)
	if h.Observer == nil {
		h.Observer = unobserved{}
	}
}

func (x *exchange) run(exec Kept) {
	media, ok := negotiate(x.r)
	if x.media = media; !ok {
		x.media = mediaJSON
		x.refuse(http.StatusNotAcceptable, errs.New(errs.BadRequest,
			"answers are application/graphql-response+json, application/json or text/event-stream"))
		return
	}
	var request Request
	params, code, err := x.read(&request)
	if err != nil {
		x.refuse(code, err)
		if code == http.StatusRequestEntityTooLarge {
			discard(x.w, x.r)
		}
		return
	}
	limited := deadline.New(x.r.Context(), x.Timeout)
	defer limited.Cancel()
	var ctx context.Context = limited
	var op *graphql.OperationContext
	if params == nil {
		op = exec.Known(ctx, &request, x.r.Header, x.start)
	}
	if op == nil {
		var list gqlerror.List
		if ctx, op, list = x.prepare(ctx, exec, params, &request); list != nil {
			x.fail(requestErrors(list))
			return
		}
	}
	x.kind = string(op.Operation.Operation)
	switch {
	case !x.allowed(op.Operation.Operation) || !x.charged(exec, op):
	case op.Operation.Operation == ast.Subscription:
		x.stream(exec, op)
	default:
		x.execute(ctx, exec, op)
	}
}

// fail answers a request whose operation cannot run. A caller who is refused for now gets the same as from charged.
func (x *exchange) fail(list gqlerror.List) {
	if codeOf(list) == errs.RateLimited.Code() && x.media == mediaEvents {
		retryAfter, _ := list[0].Extensions["retryAfter"].(int)
		x.refuse(http.StatusTooManyRequests, &errs.Error{Kind: errs.RateLimited, Message: list[0].Message,
			RetryAfter: time.Duration(retryAfter) * time.Second})
		return
	}
	x.send(status(list, x.media), failed(list...))
}

// prepare makes the context of an operation that is not known. params are those of a GET, else nil.
func (x *exchange) prepare(ctx context.Context, exec Kept, params *graphql.RawParams, r *Request) (
	context.Context, *graphql.OperationContext, gqlerror.List,
) {
	if params == nil {
		params = r.Params()
	}
	params.Headers = x.r.Header
	params.ReadTime = graphql.TraceTiming{Start: x.start, End: time.Now()}
	ctx = graphql.StartOperationTrace(ctx)
	op, list := exec.CreateOperationContext(ctx, params)
	if list == nil {
		exec.Keep(op, r)
	}
	return ctx, op, list
}

// allowed refuses kinds of operations that the HTTP method may not run.
func (x *exchange) allowed(op ast.Operation) bool {
	switch {
	case op == ast.Subscription && (x.media != mediaEvents || x.Streams == nil):
		x.refuse(http.StatusBadRequest, errs.New(errs.BadRequest,
			"subscriptions need a websocket (graphql-transport-ws), or Accept: text/event-stream (graphql-sse)"))
	case op == ast.Mutation && x.r.Method == http.MethodGet:
		x.w.Header().Set("Allow", http.MethodPost)
		x.refuse(http.StatusMethodNotAllowed, errs.New(errs.BadRequest, "GET runs no mutations"))
	default:
		return true
	}
	return false
}

// charged lets the caller pay, and refuses the operation otherwise.
func (x *exchange) charged(exec graphql.GraphExecutor, op *graphql.OperationContext) bool {
	err := charge(x.r.Context(), exec, op)
	if err != nil {
		x.refuse(statusOf(err.Kind), err)
	}
	return err == nil
}

func (x *exchange) execute(ctx context.Context, exec graphql.GraphExecutor, op *graphql.OperationContext) {
	responses, ctx := exec.DispatchOperation(ctx, op)
	resp := responses(ctx)
	code, refusal := unusable(resp)
	switch {
	case resp == nil && x.r.Context().Err() != nil: // nobody is left to read an answer
		x.observe("OK")
	case refusal != nil && x.media == mediaEvents:
		x.send(http.StatusOK, failed(ToGraphQL(refusal)))
	case refusal != nil:
		x.refuse(code, refusal)
	case len(resp.Data) == 0:
		resp.Errors = requestErrors(resp.Errors)
		x.send(status(resp.Errors, x.media), resp)
	default:
		x.send(http.StatusOK, resp)
	}
}

// refuse answers a request that does not get as far as an operation. The answer is never a stream of events, but for comeBack.
func (x *exchange) refuse(status int, err *errs.Error) {
	if x.media == mediaEvents {
		if x.media = mediaGraphQL; comeBack(x.w, x.r, status, err) {
			x.sent = true
			x.observe(err.Kind.Code())
			return
		}
	}
	x.send(status, failed(ToGraphQL(err)))
}

func (x *exchange) send(status int, resp *graphql.Response) {
	if x.BeforeWrite != nil {
		x.BeforeWrite(x.r.Context(), x.w.Header())
	}
	x.sent = true
	code := codeOf(resp.Errors)
	x.write(status, resp)
	x.observe(code)
}

// write sends the answer. The longer the answer is, the more time has a client that reads slowly. The request does not count as
// running any more.
func (x *exchange) write(status int, resp *graphql.Response) {
	var a encoded
	defer a.release()
	if x.media == mediaEvents {
		a.encodeEvents(resp)
	} else {
		a.encode(status, resp)
	}
	if x.media != mediaEvents && x.kind == string(ast.Query) && a.status == http.StatusOK && a.len() >= minCompressed {
		x.compress(&a)
	}
	admission.FromContext(x.r.Context()).Leave()
	size := cap(a.data)
	if a.coding != Identity {
		size, resp.Data = a.text.Cap(), nil
	}
	if size <= smallAnswer {
		x.writeTogether(a.len())
		_ = a.send(x.w, x.media)
		return
	}
	c := http.NewResponseController(x.w)
	_ = c.SetWriteDeadline(time.Now().Add(x.ReadGrace + time.Duration(size)*time.Second/time.Duration(x.ReadRate)))
	held := x.Unread.account(Network(x.r.RemoteAddr), func() { _ = c.SetWriteDeadline(longAgo) })
	held.add(size)
	err := a.send(x.w, x.media)
	if cut := held.close(); cut || errors.Is(err, os.ErrDeadlineExceeded) {
		x.Observer.Cut()
	}
}

// ConnKey is the key of the connection among the values of a request's context, if the connection can write an answer in one piece.
type ConnKey struct{}

const (
	// onePiece is how many bytes of an answer net/http always writes in one piece: its buffer has 4 KiB, also for the headers.
	onePiece = 2 << 10
	// minHeaders is a number of bytes that the headers of every answer exceed: status, date, type and length alone have 110.
	minHeaders = 100
)

// writeTogether makes the connection write an answer in one piece.
func (x *exchange) writeTogether(size int) {
	if size <= onePiece || x.r.Method == http.MethodHead {
		return
	}
	if c, ok := x.r.Context().Value(ConnKey{}).(interface{ Together(bytes int) }); ok {
		c.Together(size + minHeaders)
	}
}

// compress compresses the answer of a query, if the client accepts that. Answers of other operations may hold the key of a session.
// Whoever can see the length of a compressed answer, and can make a browser ask for it with text of their choice in it, can find out
// its secrets byte by byte (BREACH).
func (x *exchange) compress(a *encoded) {
	h := x.w.Header()
	if h["Set-Cookie"] != nil {
		return
	}
	h["Vary"] = append(slices.Clip(h["Vary"]), "Accept-Encoding")
	if coding := AcceptedCoding(x.r.Header["Accept-Encoding"]); coding != Identity {
		a.compress(coding)
	}
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

func (x *exchange) observe(code string) {
	x.Observer.Operation("http", x.kind, code, time.Since(x.start))
}

// recover answers INTERNAL after a panic outside of resolvers, which gqlgen recovers itself.
func (x *exchange) recover() {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	logPanic(x.r.Context(), x.Log, p)
	if !x.sent {
		x.sent = true
		_ = send(x.w, x.media, http.StatusInternalServerError, failed(ToGraphQL(errs.NewInternal())))
		x.observe(errs.Internal.Code())
	}
}

func logPanic(ctx context.Context, log *slog.Logger, p any) {
	if log == nil {
		log = slog.Default()
	}
	log.ErrorContext(ctx, "panic", "value", fmt.Sprint(p), "stack", string(debug.Stack()))
}
