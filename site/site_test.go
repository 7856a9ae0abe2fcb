package site_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"roost/site"
)

const origin = "https://roost.example"

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func newSite(t *testing.T, change ...func(*site.Config)) http.Handler {
	t.Helper()
	cfg := site.Config{PublicURL: func() string { return origin }, Reader: people{}}
	for _, c := range change {
		c(&cfg)
	}
	s, err := site.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends a request; headers are pairs. The path is not cleaned, as the mux in front of the site does it.
func ask(s http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func get(s http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	return ask(s, http.MethodGet, path, append([]string{"Accept", browser}, headers...)...)
}

var (
	settingsElement = regexp.MustCompile(`<script[^>]* id="?settings"?[^>]*>(.*?)</script>`)
	titleElement    = regexp.MustCompile(`<title>(.*?)</title>`)
	metaElement     = regexp.MustCompile(`<meta (?:name|property)="([^"]*)" content="([^"]*)" />`)
	canonicalLink   = regexp.MustCompile(`<link rel="canonical" href="([^"]*)" />`)
	fileOfPage      = regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`)
)

type settings struct {
	Endpoint   string
	Demo       *site.Demo
	Documents  string
	Playground bool
	Title      string
}

func settingsOf(t *testing.T, body string) (s settings) {
	t.Helper()
	found := settingsElement.FindAllStringSubmatch(body, -1)
	if len(found) != 1 {
		t.Fatalf("%d elements with settings in %s", len(found), body)
	}
	d := json.NewDecoder(strings.NewReader(found[0][1]))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		t.Fatalf("%v: %s", err, found[0][1])
	}
	return s
}

// titleOf returns the title of a page as browsers show it.
func titleOf(t *testing.T, body string) string {
	t.Helper()
	found := titleElement.FindAllStringSubmatch(body, -1)
	if len(found) != 1 {
		t.Fatalf("%d titles in %s", len(found), body)
	}
	return html.UnescapeString(found[0][1])
}

// metaOf returns what the tags of a page say, by name.
func metaOf(body string) map[string]string {
	out := map[string]string{}
	for _, m := range metaElement.FindAllStringSubmatch(body, -1) {
		out[m[1]] = html.UnescapeString(m[2])
	}
	if m := canonicalLink.FindStringSubmatch(body); m != nil {
		out["canonical"] = html.UnescapeString(m[1])
	}
	return out
}

func TestPaths(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for path, status := range map[string]int{
		"/": 200, "/@ada": 200, "/@ADA": 200, "/@ada/followers": 200, "/@ada/following": 200, "/@ada/replies": 200,
		"/tweets/T1": 200, "/hashtags/tea": 200, "/hashtags/%23tea": 200, "/hashtags/caf%C3%A9": 200, "/search": 200, "/search?q=tea": 200,
		"/mentions": 200, "/explore": 200, "/login": 200, "/signup": 200, "/settings": 200, "/settings/sessions": 200,

		"/@": 404, "/@ada/": 404, "/@ada/other": 404, "/@ada/followers/": 404, "/@/followers": 404, "/@nobody": 404, "/@nobody/replies": 404,
		"/@ada%2Fx": 404, "/tweets": 404, "/tweets/": 404, "/tweets/T9": 404, "/tweets/T1/x": 404, "/hashtags/": 404, "/hashtags/a/b": 404,
		"/hashtags/a%20b": 404, "/hashtags/%22%3E%3Cscript%3E": 404, "/hashtags/" + strings.Repeat("a", 1200): 404, "/hashtags/12": 404,
		"/settings/other": 404, "/login/": 404, "/index.html": 404, "/dist/index.html": 404, "/other": 404, "/%00": 404,
	} {
		w := get(s, path)
		if w.Code != status || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
			continue
		}
	}
}

// Programs that do not want a page get the plain answer of an unknown path, and unknown files are never pages.
func TestPlain404(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, c := range []struct{ path, accept string }{
		{"/other", ""}, {"/other", "*/*"}, {"/other.js", "application/json"}, {"/assets/other.js", browser}, {"/assets/", browser},
		{"/assets/../index.html", browser},
	} {
		w := ask(s, http.MethodGet, c.path, "Accept", c.accept)
		if w.Code != 404 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || strings.Contains(w.Body.String(), "<") {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
	// Previews of links are made by programs that accept anything.
	if w := ask(s, http.MethodGet, "/@ada", "Accept", "*/*"); w.Code != 200 || titleOf(t, w.Body.String()) != "Ada Whitfield (@ada)" {
		t.Errorf("a program at a profile: %d", w.Code)
	}
	if w := ask(s, http.MethodGet, "/@nobody", "Accept", "*/*"); w.Code != 404 {
		t.Errorf("a program at no profile: %d", w.Code)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, path := range []string{"/", "/@ada", "/other", "/robots.txt", "/client.tgz"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
			if w := ask(s, method, path); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
	}
	// A server sends no body with the answer to HEAD; all else is the same.
	on := httptest.NewServer(s)
	defer on.Close()
	for _, path := range []string{"/", "/@ada", "/robots.txt"} {
		resp, err := http.Head(on.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		w := get(s, path)
		if resp.StatusCode != 200 || resp.Header.Get("ETag") != w.Header().Get("ETag") || resp.ContentLength != int64(w.Body.Len()) {
			t.Errorf("HEAD %s: %d, %d bytes, ETag %q", path, resp.StatusCode, resp.ContentLength, resp.Header.Get("ETag"))
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for path, status := range map[string]int{"/": 200, "/@ada": 200, "/@nobody": 404, "/other": 404} {
		w := get(s, path, "Host", "ignored") // httptest's own is example.com
		want := map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
				"connect-src 'self' ws://example.com wss://example.com; manifest-src 'self'; base-uri 'none'; form-action 'self'; " +
				"frame-ancestors 'none'",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "strict-origin-when-cross-origin", "Cache-Control": "no-cache",
			"Vary": "Accept",
		}
		for name, value := range want {
			if got := w.Header().Get(name); got != value {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if w.Code != status || w.Header().Get("ETag") == "" {
			t.Errorf("%s: %d, ETag %q", path, w.Code, w.Header().Get("ETag"))
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "a; script-src *"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	policy := w.Header().Get("Content-Security-Policy")
	if strings.Contains(policy, "*") || !strings.Contains(policy, "connect-src 'self'; ") {
		t.Errorf("the policy for a hostile host: %s", policy)
	}
}

// A page is sent again only when it has changed: with the status, the head or the settings.
func TestTags(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tags := map[string]string{}
	for _, path := range []string{"/", "/login", "/@ada", "/@ada/followers", "/tweets/T1", "/other"} {
		tag := get(s, path).Header().Get("ETag")
		if other := tags[tag]; other != "" {
			t.Errorf("%s and %s have the same tag", path, other)
		}
		tags[tag] = path
		w := get(s, path, "If-None-Match", `"other", `+tag)
		if path == "/other" { // its status must not be lost
			if w.Code != 404 {
				t.Errorf("%s again: %d", path, w.Code)
			}
			continue
		}
		if w.Code != 304 || w.Body.Len() > 0 || w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s again: %d %s", path, w.Code, w.Body)
		}
	}
	other := newSite(t, func(c *site.Config) { c.Playground = true })
	if path := tags[get(other, "/").Header().Get("ETag")]; path != "" {
		t.Errorf("a page with other settings has the tag of %s", path)
	}
}

// Every file that the page loads is there, compressed for those who accept it, and kept for ever if its name has a hash.
func TestFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	files := fileOfPage.FindAllStringSubmatch(get(s, "/").Body.String(), -1)
	if len(files) == 0 {
		t.Fatal("the page loads nothing")
	}
	for _, m := range files {
		plain, packed := get(s, m[1]), get(s, m[1], "Accept-Encoding", "gzip")
		if plain.Code != 200 || plain.Body.Len() == 0 || plain.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d, Cache-Control %q", m[1], plain.Code, plain.Header().Get("Cache-Control"))
		}
		if packed.Header().Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(packed.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain.Body.Bytes()) {
				t.Errorf("%s compressed: %v", m[1], err)
			}
		}
		if w := get(s, m[1], "If-None-Match", plain.Header().Get("ETag")); w.Code != 304 {
			t.Errorf("%s again: %d", m[1], w.Code)
		}
	}
	for path, want := range map[string]struct{ kind, begins string }{
		"/robots.txt": {"text/plain; charset=utf-8", "User-agent: *\nDisallow: /graphql\n"}, "/favicon.svg": {"image/svg+xml", "<"},
		"/client.tgz": {"application/gzip", "\x1f\x8b"},
	} {
		w := get(s, path, "Accept-Encoding", "gzip")
		if w.Code != 200 || w.Header().Get("Content-Type") != want.kind || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if w := get(s, path); !strings.HasPrefix(w.Body.String(), want.begins) {
			t.Errorf("%s begins %.20q", path, w.Body)
		}
	}
	if w := get(s, "/client.tgz", "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" {
		t.Error("the client is compressed twice")
	}
	if w := get(s, "/favicon.ico"); w.Code != 302 || w.Header().Get("Location") != "/favicon.svg" {
		t.Errorf("/favicon.ico: %d %q", w.Code, w.Header().Get("Location"))
	}
}

// The package of the client is one that npm can install.
func TestClientPackage(t *testing.T) {
	t.Parallel()
	z, err := gzip.NewReader(get(newSite(t), "/client.tgz").Body)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil || !bytes.Contains(raw, []byte("package/package.json")) || !bytes.Contains(raw, []byte(`"name": "@roost/client"`)) {
		t.Errorf("%v, %d bytes", err, len(raw))
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	if got := settingsOf(t, get(newSite(t), "/").Body.String()); got != (settings{"/graphql", nil, "text", false, "Roost"}) {
		t.Errorf("by default: %+v", got)
	}
	const hostile = `</script><script>alert(1)</script><!--`
	body := get(newSite(t, func(c *site.Config) {
		c.Title, c.Endpoint, c.DocumentsOnly, c.Playground = hostile, "/api", true, true
		c.Demo = &site.Demo{Username: "ada", Password: hostile}
	}), "/").Body.String()
	got := settingsOf(t, body)
	if got.Demo == nil || *got.Demo != (site.Demo{Username: "ada", Password: hostile}) {
		t.Errorf("the demo: %+v", got.Demo)
	}
	if got.Demo = nil; got != (settings{"/api", nil, "id", true, hostile}) {
		t.Errorf("%+v", got)
	}
	if strings.Contains(body, "alert(1)</script>") {
		t.Errorf("a value ends the element: %s", body)
	}
}
