package transport

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/errs"
)

// buffers are reused between answers; those that a large answer has grown are left to the collector.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const keepBuffer = 64 << 10

func release(b *bytes.Buffer) {
	if b.Cap() <= keepBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// appendResponse appends a response as JSON. Data stays as gqlgen wrote it, because marshalling it again would copy and compact
// every byte. A response without data is a request error and has no `data` entry.
func appendResponse(b *bytes.Buffer, resp *graphql.Response) error {
	if err := appendHead(b, resp); err != nil {
		return err
	}
	b.Write(resp.Data)
	return appendTail(b, resp)
}

// appendHead writes what comes before the data of a response.
func appendHead(b *bytes.Buffer, resp *graphql.Response) error {
	b.WriteByte('{')
	if list, _ := capErrors(resp.Errors); len(list) > 0 {
		if err := appendEntry(b, "errors", list); err != nil {
			return err
		}
	}
	if len(resp.Data) > 0 {
		return appendEntry(b, "data", nil)
	}
	return nil
}

// appendTail writes what comes after the data.
func appendTail(b *bytes.Buffer, resp *graphql.Response) error {
	extensions := resp.Extensions
	if omitted := len(resp.Errors) - maxErrors; omitted > 0 {
		extensions = map[string]any{"errorsOmitted": omitted}
		for k, v := range resp.Extensions {
			extensions[k] = v
		}
	}
	if len(extensions) > 0 {
		if err := appendEntry(b, "extensions", extensions); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// appendEntry writes an entry of a response's object; nil leaves the value to the caller.
func appendEntry(b *bytes.Buffer, name string, value any) error {
	if last := b.Len() - 1; b.Bytes()[last] != '{' {
		b.WriteByte(',')
	}
	b.WriteString(`"` + name + `":`)
	if value == nil {
		return nil
	}
	raw, err := json.Marshal(value)
	b.Write(raw)
	return err
}

// failed is a response of errors alone.
func failed(list ...*gqlerror.Error) *graphql.Response { return &graphql.Response{Errors: list} }

// Refuse answers an HTTP request that does not get as far as an operation, with the error and the status.
func Refuse(w http.ResponseWriter, r *http.Request, status int, err *errs.Error) {
	media, ok := negotiate(r)
	switch {
	case !ok:
		media = mediaJSON
	case media == mediaEvents:
		if media = mediaGraphQL; comeBack(w, r, status, err) {
			return
		}
	}
	_ = send(w, media, status, failed(ToGraphQL(err)))
}

// send writes the answer, with its length.
func send(w http.ResponseWriter, media string, status int, resp *graphql.Response) error {
	var a encoded
	defer a.release()
	a.encode(status, resp)
	return a.send(w, media)
}

// encoded is an answer that is ready to be sent. Small ones go out in one piece; to copy the data of large ones would hold it twice
// for as long as the client takes to read.
type encoded struct {
	status     int
	retryAfter gqlerror.List // of the answer's header
	text       *bytes.Buffer
	split      int    // where data belongs into text
	data       []byte // nil if it is in text
	coding     Coding // of text, which then is all of it
}

// encode writes the response as JSON.
func (a *encoded) encode(status int, resp *graphql.Response) {
	a.status, a.text = status, buffers.Get().(*bytes.Buffer)
	if status != http.StatusOK {
		a.retryAfter = resp.Errors
	}
	if a.data = resp.Data; len(a.data) <= smallAnswer {
		a.data = nil
	}
	var err error
	if a.split, err = appendAround(a.text, resp, a.data); err != nil {
		a.text.Reset()
		a.status, a.data, a.split, a.retryAfter = http.StatusInternalServerError, nil, 0, resp.Errors
		_ = appendResponse(a.text, failed(ToGraphQL(err)))
	}
}

// encodeEvents writes the response as a stream of events.
func (a *encoded) encodeEvents(resp *graphql.Response) {
	a.status, a.text = http.StatusOK, buffers.Get().(*bytes.Buffer)
	a.text.Write(eventsOf(resp))
}

// release returns the memory.
func (a *encoded) release() {
	if a.text != nil {
		release(a.text)
		a.text, a.data = nil, nil
	}
}

// len is the size of the body in bytes.
func (a *encoded) len() int { return a.text.Len() + len(a.data) }

// parts returns the body.
func (a *encoded) parts() [3][]byte {
	return [3][]byte{a.text.Bytes()[:a.split], a.data, a.text.Bytes()[a.split:]}
}

// compress replaces the body by a compressed one, if that is shorter.
func (a *encoded) compress(coding Coding) {
	b := buffers.Get().(*bytes.Buffer)
	parts := a.parts()
	if err := Compress(b, coding, parts[:]...); err != nil || b.Len() >= a.len() {
		release(b)
		return
	}
	release(a.text)
	a.text, a.split, a.data, a.coding = b, 0, nil, coding
}

// send writes the headers and the body.
func (a *encoded) send(w http.ResponseWriter, media string) error {
	h := w.Header()
	h["Content-Type"], h["Content-Length"] = typeHeader(media), []string{strconv.Itoa(a.len())}
	if a.coding != Identity {
		h["Content-Encoding"] = []string{string(a.coding)}
	}
	setRetryAfter(h, a.retryAfter)
	w.WriteHeader(a.status)
	for _, part := range a.parts() {
		if len(part) == 0 {
			continue
		}
		if _, err := w.Write(part); err != nil { // a client that went away is its own affair
			return err
		}
	}
	return nil
}

// appendAround writes a response without its data, if that is given, and returns where the data belongs.
func appendAround(b *bytes.Buffer, resp *graphql.Response, data []byte) (split int, err error) {
	if data == nil {
		return 0, appendResponse(b, resp)
	}
	if err := appendHead(b, resp); err != nil {
		return 0, err
	}
	split = b.Len()
	return split, appendTail(b, resp)
}
