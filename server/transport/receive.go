package transport

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"roost/internal/errs"
)

// received is the body of a request that has been read.
type received struct {
	bytes.Reader
	buffer bytes.Buffer
	// request is what Receive has read of the buffer, if isRead is set.
	request Request
	isRead  bool
}

// bodies are reused between requests, but for large ones.
var bodies = sync.Pool{New: func() any { return new(received) }}

// free keeps the memory of a body for other requests. Nothing may refer to the body any more.
func (b *received) free() {
	if b.buffer.Cap() <= keepBuffer {
		b.buffer.Reset()
		b.Reader.Reset(nil)
		b.request, b.isRead = Request{}, false
		bodies.Put(b)
	}
}

// Close does nothing: the connection needs nothing more of the body.
func (*received) Close() error { return nil }

// Receive reads the body of each request before it calls next, so that next holds nothing while the network is slow. A body that
// is too long is refused here, and with DocumentsOnly a request that brings its document; Do answers other mistakes.
func (h HTTP) Receive(next http.Handler) http.Handler {
	h.setDefaults()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		if h.DocumentsOnly && r.Method == http.MethodGet && bringsDocument(r.URL.RawQuery) {
			h.refuseDocument(w, r, start)
			return
		}
		if r.Method != http.MethodPost || !acceptsBody(r) {
			next.ServeHTTP(w, r)
			return
		}
		b := bodies.Get().(*received)
		defer b.free()
		if status, err := h.receive(w, r, &b.buffer); err != nil {
			Refuse(w, r, status, err)
			h.Observer.Operation("http", "none", err.Kind.Code(), time.Since(start))
			if status == http.StatusRequestEntityTooLarge {
				discard(w, r)
			}
			return
		}
		if h.DocumentsOnly {
			request, err := readRequest(b.buffer.Bytes())
			if err == nil && !request.onlyNames() {
				h.refuseDocument(w, r, start)
				return
			}
			b.request, b.isRead = request, err == nil
		}
		b.Reader.Reset(b.buffer.Bytes())
		r.Body = b
		next.ServeHTTP(w, r)
	})
}

// refuseDocument refuses a request that brings its document.
func (h HTTP) refuseDocument(w http.ResponseWriter, r *http.Request, start time.Time) {
	Refuse(w, r, http.StatusForbidden, errOnly())
	h.Observer.Operation("http", "none", errs.Forbidden.Code(), time.Since(start))
}

// receive reads a body into a buffer, or returns the status and the error of its refusal.
func (h HTTP) receive(w http.ResponseWriter, r *http.Request, b *bytes.Buffer) (int, *errs.Error) {
	body := r.Body
	if r.ContentLength < 0 || r.ContentLength > h.MaxBody { // else net/http returns no more than the header says
		body = http.MaxBytesReader(w, body, h.MaxBody)
	}
	var held *account
	if r.ContentLength < 0 || r.ContentLength > smallAnswer {
		c := http.NewResponseController(w)
		held = h.Unread.account(Network(r.RemoteAddr), func() { _ = c.SetReadDeadline(longAgo) })
	}
	_, err := b.ReadFrom(&arriving{Reader: body, held: held})
	if cut := held.close(); cut {
		h.Observer.Cut()
		return http.StatusServiceUnavailable, errs.Busy("the memory for requests", time.Second)
	}
	if err != nil {
		if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
			return http.StatusRequestEntityTooLarge, errs.Newf(errs.BadRequest, "the body is longer than %d bytes", h.MaxBody)
		}
		return http.StatusBadRequest, errs.New(errs.BadRequest, "the body could not be read")
	}
	return 0, nil
}

// This is how much of a body that is too long is read, so that its sender sees the answer: a connection that is closed with
// unread bytes is reset.
const (
	maxDiscard  = 8 << 20
	discardTime = 2 * time.Second
)

func discard(w http.ResponseWriter, r *http.Request) {
	c := http.NewResponseController(w)
	if c.Flush() != nil || c.SetReadDeadline(time.Now().Add(discardTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, r.Body, maxDiscard)
}
