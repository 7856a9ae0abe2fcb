// Package playground embeds GraphiQL with the Explorer. The playground works without the internet: its page loads nothing from
// other servers, and the page's content security policy does not allow it to.
package playground

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"

	"roost/internal/staticfile"
)

//go:embed page.html
var pageHTML string

//go:embed vendored/*.js vendored/*.css start.js page.css
var files embed.FS

// Path is the path of the page.
const Path = "/playground"

// filesPath is where the page's files are.
const filesPath = Path + "/"

// Config of the playground. The zero value will do.
type Config struct {
	// Title of the page; "Roost" by default.
	Title string
	// Endpoint is the path of the API on the same host; "/graphql" by default.
	Endpoint string
	// Demo is the account as which visitors without a session are signed in; nil signs nobody in.
	Demo *DemoLogin
	// Examples are the tabs of a new visitor; Examples() by default.
	Examples []Example
}

// DemoLogin is the account that visitors of a demo start with. The page shows its password to everybody:
// it is for demo worlds only.
type DemoLogin struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// Page is the playground, ready to be served.
type Page struct {
	html   []byte
	etag   string
	assets map[string]*staticfile.File
}

// New builds the page and its files.
func New(cfg Config) (*Page, error) {
	if cfg.Title == "" {
		cfg.Title = "Roost"
	}
	if cfg.Endpoint == "" {
		cfg.Endpoint = "/graphql"
	}
	if cfg.Examples == nil {
		cfg.Examples = Examples()
	}
	assets, err := loadAssets()
	if err != nil {
		return nil, err
	}
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("playground: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, view{Config: cfg, assets: assets}); err != nil {
		return nil, fmt.Errorf("playground: %w", err)
	}
	return &Page{html: b.Bytes(), etag: staticfile.Tag(b.Bytes()), assets: assets}, nil
}

// view is the data of the page's template.
type view struct {
	Config
	assets map[string]*staticfile.File
}

// File is the URL of a file, which changes with its content.
func (v view) File(name string) (string, error) {
	a, ok := v.assets[name]
	if !ok {
		return "", fmt.Errorf("there is no file %s", name)
	}
	return filesPath + name + "?v=" + a.Version(), nil
}

// Settings returns the settings of the page's script.
func (v view) Settings() any {
	return struct {
		Endpoint string     `json:"endpoint"`
		Demo     *DemoLogin `json:"demo"`
		Examples []Example  `json:"examples"`
	}{v.Endpoint, v.Demo, v.Config.Examples}
}

// Lead redirects people who open the address of the API in a browser to the page: such requests ask for HTML and hold no
// operation. All other requests go to the API.
func Lead(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			api.ServeHTTP(w, r)
			return
		}
		if asked := r.URL.Query(); asked.Has("query") || asked.Has("documentId") || asked.Has("extensions") || !staticfile.AcceptsHTML(r) {
			api.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Vary", "Accept")
		http.Redirect(w, r, Path, http.StatusSeeOther)
	})
}

// Mount adds the page at Path and its files below.
func (p *Page) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+Path, p.servePage)
	mux.Handle("GET "+filesPath+"{$}", http.RedirectHandler(Path, http.StatusMovedPermanently))
	mux.HandleFunc("GET "+filesPath+"{file}", p.serveFile)
}

func (p *Page) servePage(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy(r.Host))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("ETag", p.etag)
	if staticfile.Matches(r.Header["If-None-Match"], p.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(p.html)
}

// contentPolicy allows this host and nothing else; CodeMirror and React set styles inline.
func contentPolicy(host string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
		"font-src 'self' data:; connect-src " + staticfile.ConnectSources(host) +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
