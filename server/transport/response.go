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

// appendResponse writes a response as JSON. Data goes out as gqlgen wrote it: to marshal it again would
// copy and compact every byte. A response without data is a request error and has no `data` entry.
func appendResponse(b *bytes.Buffer, resp *graphql.Response) error {
	list, omitted := capErrors(resp.Errors)
	extensions := resp.Extensions
	if omitted > 0 {
		extensions = map[string]any{"errorsOmitted": omitted}
		for k, v := range resp.Extensions {
			extensions[k] = v
		}
	}
	b.WriteByte('{')
	if len(list) > 0 {
		raw, err := json.Marshal(list)
		if err != nil {
			return err
		}
		b.WriteString(`"errors":`)
		b.Write(raw)
		b.WriteByte(',')
	}
	if len(resp.Data) > 0 {
		b.WriteString(`"data":`)
		b.Write(resp.Data)
		b.WriteByte(',')
	}
	if len(extensions) > 0 {
		raw, err := json.Marshal(extensions)
		if err != nil {
			return err
		}
		b.WriteString(`"extensions":`)
		b.Write(raw)
		b.WriteByte(',')
	}
	if last := b.Len() - 1; b.Bytes()[last] == ',' {
		b.Truncate(last)
	}
	b.WriteByte('}')
	return nil
}

// failed is a response of errors alone.
func failed(list ...*gqlerror.Error) *graphql.Response { return &graphql.Response{Errors: list} }

// Refuse answers an HTTP request that does not get as far as an operation, with the error and the status.
func Refuse(w http.ResponseWriter, r *http.Request, status int, err *errs.Error) {
	media, ok := negotiate(r)
	if !ok {
		media = mediaJSON
	}
	send(w, media, status, failed(ToGraphQL(err)))
}

// send writes the answer at once, with its length.
func send(w http.ResponseWriter, media string, status int, resp *graphql.Response) {
	b := buffers.Get().(*bytes.Buffer)
	defer release(b)
	if err := appendResponse(b, resp); err != nil {
		b.Reset()
		status = http.StatusInternalServerError
		_ = appendResponse(b, failed(ToGraphQL(err)))
	}
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	if status != http.StatusOK {
		setRetryAfter(h, resp.Errors)
	}
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that went away is its own affair
}
