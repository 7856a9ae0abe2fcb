package server

import (
	"net/http"
	"sync"

	apiguide "roost/docs/api"
	"roost/internal/staticfile"
)

// guidePolicy is the content security policy of the guide's pages, which have no script.
const guidePolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'"

// guide serves the guide to the API at /docs and /llms.txt.
type guide struct {
	// files render what they serve at the first request for it.
	files map[string]func() *staticfile.File
}

// newGuide returns the guide; the page that shows the schema is left out where the schema is not shown.
func newGuide(withReference bool) *guide {
	content := apiguide.New(withReference)
	g := &guide{files: map[string]func() *staticfile.File{}}
	for _, at := range content.Paths() {
		g.files[at] = sync.OnceValue(func() *staticfile.File {
			file, _ := content.File(at)
			return staticfile.Typed(file.Type, file.Content)
		})
	}
	return g
}

// mount adds the guide's paths.
func (g *guide) mount(mux *http.ServeMux) {
	mux.Handle("GET /docs", g)
	mux.Handle("GET /docs/{file}", g)
	mux.Handle("GET /docs/{$}", http.RedirectHandler("/docs", http.StatusMovedPermanently))
	mux.Handle("GET /llms.txt", g)
}

// ServeHTTP answers GET and HEAD.
func (g *guide) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := g.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", guidePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	file().Serve(w, r, staticfile.Revalidate)
}
