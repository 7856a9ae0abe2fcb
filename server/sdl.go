package server

import (
	"net/http"
)

// sdl is the text of the schema. The text of a running server does not change.
type sdl struct{ representation }

func newSDL(text string) *sdl { return &sdl{newRepresentation([]byte(text))} }

// ServeHTTP answers GET and HEAD, pages of every origin as well.
func (s *sdl) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	s.serve(w, r, "text/plain; charset=utf-8")
}
