package playground

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// asset is a file of the page. It is compressed at the first request for it, so that a start of the node does not wait for
// the compression.
type asset struct {
	content  []byte
	kind     string
	etag     string
	compress func() []byte
}

func loadAssets() (map[string]*asset, error) {
	assets := map[string]*asset{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		assets[path.Base(name)] = newAsset(name, content)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("playground: %w", err)
	}
	return assets, nil
}

func newAsset(name string, content []byte) *asset {
	return &asset{
		content: content,
		kind:    mime.TypeByExtension(path.Ext(name)),
		etag:    etagOf(content),
		compress: sync.OnceValue(func() []byte {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = z.Write(content) // into memory: it does not fail
			_ = z.Close()
			return b.Bytes()
		}),
	}
}

// serveFile answers with a file. A URL that contains the file's version may be cached for ever, because its content never changes.
func (p *Page) serveFile(w http.ResponseWriter, r *http.Request) {
	a, ok := p.assets[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", a.etag)
	h.Set("Cache-Control", "no-cache")
	if `"`+r.URL.Query().Get("v")+`"` == a.etag {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == a.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	content := a.content
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		content = a.compress()
	}
	h.Set("Content-Length", fmt.Sprint(len(content)))
	_, _ = w.Write(content)
}

// acceptsGzip reads an Accept-Encoding value.
func acceptsGzip(value string) bool {
	for part := range strings.SplitSeq(value, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return weight != "q=0" && !strings.HasPrefix(weight, "q=0.000")
		}
	}
	return false
}
