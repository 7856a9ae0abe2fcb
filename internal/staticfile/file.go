// Package staticfile serves files that are embedded in the binary: with tags by which caches ask again, and compressed for clients that
// accept it. It also reads what a request for a page accepts.
package staticfile

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// Values of Cache-Control for File.Serve.
const (
	// Revalidate lets caches keep a file, and makes them ask each time whether it has changed.
	Revalidate = "no-cache"
	// Immutable is for a URL whose content never changes.
	Immutable = "public, max-age=31536000, immutable"
)

// File is a file in memory, ready to be served. Its tag is computed when it is first asked for, and it is compressed at the first request
// that accepts this, so that a start of the node waits for neither. It is safe for concurrent use.
type File struct {
	content  []byte
	kind     string
	version  func() string
	compress func() []byte
}

// New returns a file. The extension of its name decides on its media type. Nobody may change the content afterwards.
func New(name string, content []byte) *File { return Typed(kindOf(name), content) }

// Typed returns a file of a media type. Nobody may change the content afterwards.
func Typed(kind string, content []byte) *File {
	f := &File{content: content, kind: kind}
	f.version = sync.OnceValue(func() string { return versionOf(content) })
	f.compress = sync.OnceValue(func() []byte {
		if compressed[f.kind] {
			return nil
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(content) // into memory: it does not fail
		_ = z.Close()
		if b.Len() >= len(content) {
			return nil
		}
		return b.Bytes()
	})
	return f
}

// Version returns a text of 16 hexadecimal digits that changes with the content.
func (f *File) Version() string { return f.version() }

// Serve answers a request by GET or HEAD with the file, or with 304 if the client's copy is good.
func (f *File) Serve(w http.ResponseWriter, r *http.Request, cacheControl string) {
	content, tag := f.content, `"`+f.version()+`"`
	h := w.Header()
	if acceptsGzip(r.Header["Accept-Encoding"]) {
		if small := f.compress(); small != nil {
			content, tag = small, `"`+f.version()+`-gzip"`
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", tag)
	h.Set("Cache-Control", cacheControl)
	if Matches(r.Header["If-None-Match"], tag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content)
}

// Tag returns the ETag of a content.
func Tag(content []byte) string { return `"` + versionOf(content) + `"` }

func versionOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// kinds are the media types of the files that a build of a web page has. The machine's own table may not have them, or have others.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".mjs": "text/javascript; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".svg": "image/svg+xml",
	".json": "application/json", ".map": "application/json", ".webmanifest": "application/manifest+json",
	".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2", ".tgz": "application/gzip",
}

// compressed are the media types of files that are compressed as they are.
var compressed = map[string]bool{
	"image/png": true, "font/woff2": true, "application/gzip": true, "image/jpeg": true, "image/webp": true, "image/avif": true,
}

func kindOf(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if kind := kinds[ext]; kind != "" {
		return kind
	}
	if kind := mime.TypeByExtension(ext); kind != "" {
		return kind
	}
	return "application/octet-stream"
}
