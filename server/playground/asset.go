package playground

import (
	"fmt"
	"io/fs"
	"net/http"
	"path"

	"roost/internal/staticfile"
)

// loadAssets returns the files of the page by name.
func loadAssets() (map[string]*staticfile.File, error) {
	assets := map[string]*staticfile.File{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		assets[path.Base(name)] = staticfile.New(name, content)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("playground: %w", err)
	}
	return assets, nil
}

// serveFile answers with a file. A URL that contains the file's version may be cached for ever, because its content never changes.
func (p *Page) serveFile(w http.ResponseWriter, r *http.Request) {
	a, ok := p.assets[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	caching := staticfile.Revalidate
	if r.URL.Query().Get("v") == a.Version() {
		caching = staticfile.Immutable
	}
	a.Serve(w, r, caching)
}
