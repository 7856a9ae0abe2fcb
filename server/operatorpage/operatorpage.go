// Package operatorpage embeds the page of the admin address: charts of what a node does, drawn from the figures of /metrics, which the
// page asks for every two seconds. The page reads and changes nothing, and loads nothing from other servers.
package operatorpage

import (
	"embed"
	"net/http"

	"roost/internal/staticfile"
)

//go:embed page.html page.css page.js icon.svg
var files embed.FS

// filesPath is where the files of the page are; the page itself is at /.
const filesPath = "/operator/"

// policy allows the page its own files and its own figures, and no other page to frame it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'"

// Mount adds the page at / and its files below /operator/. The page asks for /metrics on the same mux.
func Mount(mux *http.ServeMux) {
	mux.Handle("GET /{$}", newFile("page.html"))
	for _, name := range []string{"page.css", "page.js", "icon.svg"} {
		mux.Handle("GET "+filesPath+name, newFile(name))
	}
}

// newFile returns the handler of an embedded file. Browsers keep it, and ask each time whether it has changed.
func newFile(name string) http.Handler {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err) // the build has all of them
	}
	file := staticfile.New(name, content)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		file.Serve(w, r, staticfile.Revalidate)
	})
}
