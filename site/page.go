package site

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"roost/internal/staticfile"
)

// headLine is what the build leaves for the head, and settingsElement for the settings.
const headLine = "<!--head-->"

var settingsElement = regexp.MustCompile(`(<script[^>]*\sid="?settings"?[^>]*>)\s*</script>`)

// template is the build's page around its two places.
type template struct {
	parts         [3]string
	settingsFirst bool
}

func parseTemplate(index string) (t template, err error) {
	if strings.Count(index, headLine) != 1 {
		return t, errors.New("it needs the line " + headLine + " once")
	}
	found := settingsElement.FindAllStringSubmatchIndex(index, -1)
	if len(found) != 1 {
		return t, errors.New(`it needs the element <script type="application/json" id="settings"></script> once`)
	}
	head, settings := strings.Index(index, headLine), found[0][3]
	end := found[0][1] - len("</script>")
	if t.settingsFirst = settings < head; t.settingsFirst {
		t.parts = [3]string{index[:settings], index[end:head], index[head+len(headLine):]}
	} else {
		t.parts = [3]string{index[:head], index[head+len(headLine) : settings], index[end:]}
	}
	return t, nil
}

func (t *template) fill(head, settings []byte) []byte {
	first, second := head, settings
	if t.settingsFirst {
		first, second = settings, head
	}
	out := make([]byte, 0, len(t.parts[0])+len(first)+len(t.parts[1])+len(second)+len(t.parts[2]))
	out = append(append(out, t.parts[0]...), first...)
	return append(append(append(out, t.parts[1]...), second...), t.parts[2]...)
}

// settings are what the script of the page reads. Title is the name of the site.
type settings struct {
	Endpoint   string `json:"endpoint"`
	Demo       *Demo  `json:"demo"`
	Documents  string `json:"documents"`
	Playground bool   `json:"playground"`
	Title      string `json:"title"`
}

// page is a page with its tag and its status.
type page struct {
	content []byte
	tag     string
	status  int
}

// render makes a page. encoding/json escapes < and > by default, so that no value ends the element.
func (s *Site) render(status int, h head) page {
	values := settings{Endpoint: s.cfg.Endpoint, Demo: s.cfg.Demo, Documents: "text", Playground: s.cfg.Playground,
		Title: s.cfg.Title}
	if s.cfg.DocumentsOnly {
		values.Documents = "id"
	}
	raw, _ := json.Marshal(values) // texts and numbers: it does not fail
	content := s.template.fill(s.appendHead(nil, h), raw)
	return page{content: content, tag: staticfile.Tag(content), status: status}
}

// titles are those of the app's pages that show the same to everybody.
var titles = map[string]string{
	"/": "", "/search": "Search", "/mentions": "Mentions", "/explore": "Explore", "/login": "Log in", "/signup": "Sign up",
	"/settings": "Settings", "/settings/sessions": "Sessions",
}

// addPages adds the pages that depend on nothing but their path; each is made once, when it is asked for.
func (s *Site) addPages() {
	once := func(status int, path, title string) func() page {
		h := head{title: s.cfg.Title, path: path}
		if title != "" {
			h.title = title + " · " + s.cfg.Title
		}
		return sync.OnceValue(func() page { return s.render(status, h) })
	}
	s.pages = make(map[string]func() page, len(titles))
	for path, title := range titles {
		s.pages[path] = once(http.StatusOK, path, title)
	}
	s.general, s.missing = once(http.StatusOK, "", ""), once(http.StatusNotFound, "", "Not found")
}

// servePage answers with the page of a path. Clients that do not want HTML get the plain 404 for a path that is none of the app's.
func (s *Site) servePage(w http.ResponseWriter, r *http.Request) {
	p, ok := s.pageOf(r)
	if !ok {
		if !staticfile.AcceptsHTML(r) {
			w.Header().Set("Vary", "Accept")
			http.NotFound(w, r)
			return
		}
		p = s.missing()
	}
	if s.cfg.Looked != nil {
		s.cfg.Looked()
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "+
		"connect-src "+staticfile.ConnectSources(r.Host)+
		"; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	h.Set("Cache-Control", staticfile.Revalidate)
	h.Set("Vary", "Accept")
	h.Set("ETag", p.tag)
	if p.status == http.StatusOK && staticfile.Matches(r.Header["If-None-Match"], p.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(p.content)))
	w.WriteHeader(p.status)
	_, _ = w.Write(p.content)
}

// pageOf returns the page of a path; ok is false if the path is none of the app's.
func (s *Site) pageOf(r *http.Request) (p page, ok bool) {
	path := r.URL.Path
	if fixed, ok := s.pages[path]; ok {
		return fixed(), true
	}
	if name, part, ok := profilePath(path); ok {
		return s.read(r, func(ctx context.Context) (h head, ok bool, err error) {
			found, ok, err := s.cfg.Reader.Profile(ctx, name)
			return profileHead(found, part), ok, err
		}), true
	}
	if id, ok := below("/tweets/", path); ok {
		return s.read(r, func(ctx context.Context) (h head, ok bool, err error) {
			found, ok, err := s.cfg.Reader.Tweet(ctx, id)
			return s.tweetHead(found), ok, err
		}), true
	}
	if name, ok := below("/hashtags/", path); ok {
		if h, ok := hashtagHead(name); ok {
			return s.render(http.StatusOK, h), true
		}
		return s.missing(), true
	}
	return page{}, false
}

// read returns the page with the head that ask reads.
func (s *Site) read(r *http.Request, ask func(ctx context.Context) (h head, ok bool, err error)) page {
	if s.cfg.Reader == nil {
		return s.general()
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.ReadTimeout)
	defer cancel()
	if s.cfg.Admit != nil {
		done, ok := s.cfg.Admit(ctx, r)
		if !ok {
			return s.general()
		}
		defer done()
	}
	h, ok, err := ask(ctx)
	switch {
	case err != nil:
		if r.Context().Err() == nil && s.warnings.Allow() {
			s.cfg.Log.WarnContext(ctx, "a page is served without a head of its own", "path", r.URL.Path, "error", err)
		}
		return s.general()
	case !ok:
		return s.missing()
	}
	return s.render(http.StatusOK, h)
}

// profilePath reads the paths of a profile: /@name, and its parts such as /@name/followers.
func profilePath(path string) (name, part string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/@")
	if !ok {
		return "", "", false
	}
	name, part, isPart := strings.Cut(rest, "/")
	switch part {
	case "followers", "following", "replies":
	case "":
		ok = !isPart
	default:
		ok = false
	}
	return name, part, ok && name != ""
}

// below reads a path of one more segment.
func below(prefix, path string) (segment string, ok bool) {
	segment, ok = strings.CutPrefix(path, prefix)
	return segment, ok && segment != "" && !strings.Contains(segment, "/")
}
