// Package operatorpage embeds the page of the admin address: charts of what a node does, drawn from the figures of /metrics, which the
// page asks for every two seconds. The page reads and changes nothing, and loads nothing from other servers.
package operatorpage

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"time"
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
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { serve(w, r, "page.html") })
	mux.HandleFunc("GET "+filesPath+"{file}", func(w http.ResponseWriter, r *http.Request) { serve(w, r, r.PathValue("file")) })
}

// serve answers with a file. Browsers keep it, and ask each time whether it has changed.
func serve(w http.ResponseWriter, r *http.Request, name string) {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	sum := sha256.Sum256(content)
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}
