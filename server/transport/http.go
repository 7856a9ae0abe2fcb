package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/internal/errs"
)

// Defaults of HTTP.
const (
	DefaultMaxBody = 256 << 10
	DefaultTimeout = 20 * time.Second
)

// HTTP answers POST and GET. Every other method that is not a websocket's is refused with 405, so it
// comes last among transports.
type HTTP struct {
	// MaxBody is the longest request body in bytes; 0 is DefaultMaxBody.
	MaxBody int64
	// Timeout ends an operation; 0 is DefaultTimeout.
	Timeout time.Duration
	// BeforeWrite may add headers to an answer, just before it is written; nil adds none.
	BeforeWrite func(ctx context.Context, h http.Header)
	// Observer counts operations; nil counts none.
	Observer Observer
	// Log tells of panics; nil is slog.Default.
	Log *slog.Logger
}

var _ graphql.Transport = HTTP{}

// Supports reports whether the request is anything but a websocket's.
func (HTTP) Supports(r *http.Request) bool { return !websocket.IsWebSocketUpgrade(r) }

// exchange is one HTTP request on its way.
type exchange struct {
	HTTP
	w     http.ResponseWriter
	r     *http.Request
	media string
	start time.Time
	kind  string
	sent  bool
}

// Do answers the request.
func (h HTTP) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if h.MaxBody == 0 {
		h.MaxBody = DefaultMaxBody
	}
	if h.Timeout == 0 {
		h.Timeout = DefaultTimeout
	}
	if h.Observer == nil {
		h.Observer = unobserved{}
	}
	x := &exchange{HTTP: h, w: w, r: r, start: time.Now(), kind: "none"}
	defer x.recover()
	x.run(exec)
}

func (x *exchange) run(exec graphql.GraphExecutor) {
	media, ok := negotiate(x.r)
	if x.media = media; !ok {
		x.media = mediaJSON
		x.refuse(http.StatusNotAcceptable, errs.New(errs.BadRequest,
			"answers are application/graphql-response+json or application/json"))
		return
	}
	params, code, err := x.read()
	if err != nil {
		x.refuse(code, err)
		if code == http.StatusRequestEntityTooLarge {
			x.discard()
		}
		return
	}
	params.Headers = x.r.Header
	params.ReadTime = graphql.TraceTiming{Start: x.start, End: time.Now()}

	ctx, cancel := context.WithTimeout(x.r.Context(), x.Timeout)
	defer cancel()
	op, list := exec.CreateOperationContext(ctx, params)
	if list != nil {
		list = requestErrors(list)
		x.send(status(list, x.media), failed(list...))
		return
	}
	x.kind = string(op.Operation.Operation)
	if !x.allowed(op.Operation.Operation) {
		return
	}
	x.execute(ctx, exec, op)
}

// read gives the request's parameters, or the status and error of its refusal.
func (x *exchange) read() (*graphql.RawParams, int, *errs.Error) {
	switch x.r.Method {
	case http.MethodGet:
		p, err := queryParams(x.r.URL.RawQuery)
		return p, http.StatusBadRequest, err
	case http.MethodPost:
		if !acceptsBody(x.r) {
			return nil, http.StatusUnsupportedMediaType,
				errs.New(errs.BadRequest, "the body must be application/json in UTF-8, not compressed")
		}
		return x.readBody()
	}
	x.w.Header().Set("Allow", "GET, POST")
	return nil, http.StatusMethodNotAllowed, errs.New(errs.BadRequest, "use POST, or GET for queries")
}

func (x *exchange) readBody() (*graphql.RawParams, int, *errs.Error) {
	b := buffers.Get().(*bytes.Buffer)
	defer release(b)
	if _, err := b.ReadFrom(http.MaxBytesReader(x.w, x.r.Body, x.MaxBody)); err != nil {
		if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
			return nil, http.StatusRequestEntityTooLarge,
				errs.Newf(errs.BadRequest, "the body is longer than %d bytes", x.MaxBody)
		}
		return nil, http.StatusBadRequest, errs.New(errs.BadRequest, "the body could not be read")
	}
	if err := checkJSON(b.Bytes()); err != nil {
		return nil, http.StatusBadRequest, err
	}
	p, err := decodeParams(b.Bytes())
	return p, http.StatusBadRequest, err
}

// What is read of a body that is too long, so that its sender gets to see the answer: a connection closed
// over unread bytes is reset.
const (
	maxDiscard  = 8 << 20
	discardTime = 2 * time.Second
)

func (x *exchange) discard() {
	c := http.NewResponseController(x.w)
	if c.Flush() != nil || c.SetReadDeadline(time.Now().Add(discardTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, x.r.Body, maxDiscard)
}

// queryParams reads the parameters of a GET.
func queryParams(raw string) (*graphql.RawParams, *errs.Error) {
	values, broken := url.ParseQuery(raw)
	if broken != nil {
		return nil, errs.New(errs.BadRequest, "the URL's query is malformed")
	}
	p := &graphql.RawParams{Query: values.Get("query"), OperationName: values.Get("operationName")}
	for _, text := range []string{p.Query, p.OperationName} {
		if err := checkPlain(text); err != nil {
			return nil, err
		}
	}
	for name, to := range map[string]*map[string]any{"variables": &p.Variables, "extensions": &p.Extensions} {
		text := []byte(values.Get(name))
		if err := checkJSON(text); err != nil {
			return nil, err
		}
		if err := decodeObject(text, name, to); err != nil {
			return nil, err
		}
	}
	return p, checkParams(p)
}

// allowed refuses what the method may not run.
func (x *exchange) allowed(op ast.Operation) bool {
	switch {
	case op == ast.Subscription:
		x.refuse(http.StatusBadRequest, errs.New(errs.BadRequest, "subscriptions need a websocket (graphql-transport-ws)"))
	case op == ast.Mutation && x.r.Method == http.MethodGet:
		x.w.Header().Set("Allow", http.MethodPost)
		x.refuse(http.StatusMethodNotAllowed, errs.New(errs.BadRequest, "GET runs queries only"))
	default:
		return true
	}
	return false
}

func (x *exchange) execute(ctx context.Context, exec graphql.GraphExecutor, op *graphql.OperationContext) {
	responses, ctx := exec.DispatchOperation(ctx, op)
	resp := responses(ctx)
	switch {
	case resp == nil && x.r.Context().Err() != nil: // nobody is left to read an answer
		x.observe("OK")
	case resp == nil:
		x.refuse(http.StatusServiceUnavailable, errs.New(errs.Unavailable, "the operation took too long"))
	case resp.HasNext != nil && *resp.HasNext:
		x.refuse(http.StatusBadRequest, errs.New(errs.BadRequest, "@defer is not supported"))
	case len(resp.Data) == 0:
		resp.Errors = requestErrors(resp.Errors)
		x.send(status(resp.Errors, x.media), resp)
	default:
		x.send(http.StatusOK, resp)
	}
}

func (x *exchange) refuse(status int, err *errs.Error) { x.send(status, failed(ToGraphQL(err))) }

func (x *exchange) send(status int, resp *graphql.Response) {
	if x.BeforeWrite != nil {
		x.BeforeWrite(x.r.Context(), x.w.Header())
	}
	x.sent = true
	send(x.w, x.media, status, resp)
	x.observe(codeOf(resp.Errors))
}

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
		send(x.w, x.media, http.StatusInternalServerError, failed(ToGraphQL(errs.New(errs.Internal, "internal error"))))
		x.observe(errs.Internal.Code())
	}
}

func logPanic(ctx context.Context, log *slog.Logger, p any) {
	if log == nil {
		log = slog.Default()
	}
	log.ErrorContext(ctx, "panic", "value", fmt.Sprint(p), "stack", string(debug.Stack()))
}
