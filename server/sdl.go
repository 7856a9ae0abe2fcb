package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync"

	"roost/internal/staticfile"
	"roost/server/transport"
)

// sdl is the text of the schema with its tags. The text of a running server does not change.
type sdl struct {
	text []byte
	hash string
	// compressed makes each of the compressed forms once.
	compressed map[transport.Coding]func() []byte
}

func newSDL(text string) *sdl {
	sum := sha256.Sum256([]byte(text))
	s := &sdl{text: []byte(text), hash: hex.EncodeToString(sum[:16]), compressed: map[transport.Coding]func() []byte{}}
	for _, coding := range []transport.Coding{transport.Gzip, transport.Zstd} {
		s.compressed[coding] = sync.OnceValue(func() []byte {
			var b bytes.Buffer
			if err := transport.Compress(&b, coding, s.text); err != nil || b.Len() >= len(s.text) {
				return nil
			}
			return b.Bytes()
		})
	}
	return s
}

// form returns the bytes and the tag of the form that the client wants most.
func (s *sdl) form(r *http.Request) (content []byte, coding transport.Coding, tag string) {
	coding = transport.AcceptedCoding(r.Header["Accept-Encoding"])
	if coding != transport.Identity {
		if content = s.compressed[coding](); content != nil {
			return content, coding, `"` + s.hash + "-" + string(coding) + `"`
		}
	}
	return s.text, transport.Identity, `"` + s.hash + `"`
}

// ServeHTTP answers GET and HEAD. Caches ask again each time, and receive 304 if their copy is good.
func (s *sdl) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, coding, tag := s.form(r)
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", tag)
	h.Set("Vary", "Accept-Encoding")
	if staticfile.Matches(r.Header["If-None-Match"], tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	if coding != transport.Identity {
		h.Set("Content-Encoding", string(coding))
	}
	_, _ = w.Write(content)
}
