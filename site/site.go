package site

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"roost/internal/lifecycle"
	"roost/internal/staticfile"
)

// all: because names that begin with an underscore are left out otherwise.
//
//go:embed all:dist
var dist embed.FS

//go:embed client.tgz favicon.svg
var others embed.FS

// Config of the app. The zero value serves it without heads of its own for profiles and tweets.
type Config struct {
	// Title is the name of the site; "Roost" by default.
	Title string
	// Endpoint is the path of the API on the same host; "/graphql" by default.
	Endpoint string
	// Demo is the account as which the app offers to sign in; nil is none.
	Demo *Demo
	// DocumentsOnly makes the app name its documents by their ids instead of sending their texts.
	DocumentsOnly bool
	// Playground is whether there is a playground to which the app can link.
	Playground bool
	// PublicURL returns the scheme and host of the site, such as https://roost.example. Without it, heads contain no addresses of
	// pages. It is called when a page is asked for.
	PublicURL func() string

	// Reader reads what heads of profiles and tweets say; nil reads nothing.
	Reader Reader
	// Admit lets a request use the Reader, or refuses it. It may wait until ctx is done, which descends from the request's context and is
	// that of the read. done is called after the read. nil admits all requests.
	Admit func(ctx context.Context, r *http.Request) (done func(), ok bool)
	// ReadTimeout bounds Admit and Reader together; 1 s by default.
	ReadTimeout time.Duration
	// Looked is called with every request for a page; it may be nil.
	Looked func()
	// Log gets the Reader's errors; slog.Default by default.
	Log *slog.Logger
}

// Demo is the account of a demo, whose password the page shows to everybody.
type Demo struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// Reader reads what the heads of pages say. ok is false for what a visitor without a session cannot see. Both must return soon after ctx
// is done.
type Reader interface {
	// Profile finds a user by name, whatever its case.
	Profile(ctx context.Context, username string) (p Profile, ok bool, err error)
	// Tweet finds a tweet by its id in the API.
	Tweet(ctx context.Context, id string) (t Tweet, ok bool, err error)
}

// Profile is what the head of a profile says.
type Profile struct{ Username, Name, Bio string }

// Tweet is what the head of a tweet says. ID is its id in the API.
type Tweet struct {
	ID        string
	Text      string
	CreatedAt time.Time
	Author    Profile
}

// Site is the app, ready to be served.
type Site struct {
	cfg      Config
	template template
	files    map[string]served // by path
	pages    map[string]func() page
	general  func() page // of a path whose head could not be read
	missing  func() page
	warnings lifecycle.Throttle
}

// served is a file and the value of its Cache-Control.
type served struct {
	*staticfile.File
	caching string
}

// robots lets search engines read all but the API.
const robots = "User-agent: *\nDisallow: /graphql\n"

// hashed finds the names to which the build has added a hash of the content: 8 characters before the extension.
var hashed = regexp.MustCompile(`[-.]([A-Za-z0-9_-]{8})(\.[a-z0-9]+)+$`)

// New reads the build. Pages and files are prepared when they are asked for. The error is about a build that is not one of the app.
func New(cfg Config) (*Site, error) {
	cfg.Title, cfg.Endpoint = cmp.Or(cfg.Title, "Roost"), cmp.Or(cfg.Endpoint, "/graphql")
	cfg.ReadTimeout = cmp.Or(cfg.ReadTimeout, time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &Site{cfg: cfg, files: map[string]served{}}
	if err := s.addFiles(); err != nil {
		return nil, fmt.Errorf("site: %w", err)
	}
	index, err := dist.ReadFile("dist/index.html")
	if err != nil {
		return nil, fmt.Errorf("site: %w", err)
	}
	if s.template, err = parseTemplate(string(index)); err != nil {
		return nil, fmt.Errorf("site: dist/index.html: %w", err)
	}
	s.addPages()
	return s, nil
}

func (s *Site) addFiles() error {
	for _, name := range []string{"client.tgz", "favicon.svg"} {
		content, err := others.ReadFile(name)
		if err != nil {
			return err
		}
		s.files["/"+name] = served{staticfile.New(name, content), staticfile.Revalidate}
	}
	s.files["/robots.txt"] = served{staticfile.New("robots.txt", []byte(robots)), staticfile.Revalidate}
	return fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || name == "dist/index.html" {
			return err
		}
		content, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		caching := staticfile.Revalidate
		if isHashed(name) {
			caching = staticfile.Immutable
		}
		s.files[strings.TrimPrefix(name, "dist")] = served{staticfile.New(name, content), caching}
		return nil
	})
}

// isHashed reports whether the name of a file of the build contains a hash of its content. A word of eight letters is none.
func isHashed(name string) bool {
	if !strings.HasPrefix(name, "dist/assets/") {
		return false
	}
	m := hashed.FindStringSubmatch(name)
	return m != nil && strings.ContainsAny(m[1][1:], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

// ServeHTTP answers requests for pages and files.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "405 method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if f, ok := s.files[r.URL.Path]; ok {
		f.Serve(w, r, f.caching)
		return
	}
	switch {
	case r.URL.Path == "/favicon.ico":
		http.Redirect(w, r, "/favicon.svg", http.StatusFound)
	case strings.HasPrefix(r.URL.Path, "/assets/"):
		http.NotFound(w, r)
	default:
		s.servePage(w, r)
	}
}
