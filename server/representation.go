package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"roost/server/transport"
)

// representation is a text that a running server does not change, in the forms in which clients may want it, with their tags.
type representation struct {
	text []byte
	hash string
	// compressed makes each of the compressed forms once.
	compressed map[transport.Coding]func() []byte
}

func newRepresentation(text []byte) representation {
	sum := sha256.Sum256(text)
	f := representation{text: text, hash: hex.EncodeToString(sum[:16]), compressed: map[transport.Coding]func() []byte{}}
	for _, coding := range []transport.Coding{transport.Gzip, transport.Zstd} {
		f.compressed[coding] = sync.OnceValue(func() []byte {
			var b bytes.Buffer
			if err := transport.Compress(&b, coding, text); err != nil || b.Len() >= len(text) {
				return nil
			}
			return b.Bytes()
		})
	}
	return f
}

// form returns the bytes and the tag of the form that the client wants most.
func (f representation) form(r *http.Request) (content []byte, coding transport.Coding, tag string) {
	coding = transport.AcceptedCoding(r.Header["Accept-Encoding"])
	if coding != transport.Identity {
		if content = f.compressed[coding](); content != nil {
			return content, coding, `"` + f.hash + "-" + string(coding) + `"`
		}
	}
	return f.text, transport.Identity, `"` + f.hash + `"`
}

// serve answers GET and HEAD. Caches ask again each time, and receive 304 if their copy is good.
func (f representation) serve(w http.ResponseWriter, r *http.Request, mediaType string) {
	content, coding, tag := f.form(r)
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", tag)
	h.Set("Vary", "Accept-Encoding")
	if matches(r.Header["If-None-Match"], tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	if coding != transport.Identity {
		h.Set("Content-Encoding", string(coding))
	}
	_, _ = w.Write(content)
}

// matches reports whether a list of tags contains one. Tags that a proxy has made weak count as well.
func matches(lists []string, tag string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}
