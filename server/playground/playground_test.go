package playground_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/server/playground"
)

func start(t *testing.T, cfg playground.Config) *httptest.Server {
	t.Helper()
	page, err := playground.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	page.Mount(mux)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Transport{DisableCompression: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

var reference = regexp.MustCompile(`(?:src|href)="([^"]+)"`)

// Everything that the page loads comes from here, compressed, and is kept by browsers.
func TestFiles(t *testing.T) {
	t.Parallel()
	s := start(t, playground.Config{})
	resp, html := get(t, s.URL+playground.Path)
	if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatalf("page: %d, policy %q", resp.StatusCode, resp.Header.Get("Content-Security-Policy"))
	}
	if again, _ := get(t, s.URL+playground.Path, "If-None-Match", resp.Header.Get("ETag")); again.StatusCode != 304 {
		t.Errorf("page again: %d", again.StatusCode)
	}
	refs := reference.FindAllStringSubmatch(html, -1)
	if len(refs) != 9 {
		t.Errorf("%d references", len(refs))
	}
	for _, ref := range refs {
		url := ref[1]
		if strings.HasPrefix(url, "data:") {
			continue
		}
		if !strings.HasPrefix(url, "/playground/") {
			t.Errorf("%s is not ours", url)
			continue
		}
		plain, content := get(t, s.URL+url)
		packed, zipped := get(t, s.URL+url, "Accept-Encoding", "br, gzip")
		z, err := gzip.NewReader(strings.NewReader(zipped))
		if err != nil {
			t.Fatal(err)
		}
		unzipped, err := io.ReadAll(z)
		if err != nil || string(unzipped) != content || plain.StatusCode != 200 || packed.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %d, %v, encoding %q", url, plain.StatusCode, err, packed.Header.Get("Content-Encoding"))
		}
		if !strings.Contains(plain.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: Cache-Control %q", url, plain.Header.Get("Cache-Control"))
		}
		if again, _ := get(t, s.URL+url, "If-None-Match", plain.Header.Get("ETag")); again.StatusCode != 304 {
			t.Errorf("%s again: %d", url, again.StatusCode)
		}
		old, _ := get(t, s.URL+strings.Split(url, "?")[0]+"?v=old")
		if strings.Contains(old.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s of another version is kept for ever", url)
		}
	}
	if resp, _ := get(t, s.URL+"/playground/none.js"); resp.StatusCode != 404 {
		t.Errorf("unknown file: %d", resp.StatusCode)
	}
}

// A person who opens the address of the API finds the page; programs, and whoever asks something, find the API.
func TestLead(t *testing.T) {
	t.Parallel()
	api := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the API") })
	s := httptest.NewServer(playground.Lead(api))
	defer s.Close()
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, c := range []struct {
		method, path, accept string
		leads                bool
	}{
		{"GET", "/graphql", browser, true},
		{"GET", "/graphql?x=1", browser, true},
		{"GET", "/graphql?query={hello}", browser, false},
		{"GET", "/graphql?extensions={}", browser, false},
		{"GET", "/graphql", "*/*", false},
		{"GET", "/graphql", "application/json", false},
		{"GET", "/graphql", "", false},
		{"POST", "/graphql", browser, false},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, s.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", c.accept)
		resp, err := new(http.Transport).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if leads := resp.StatusCode == http.StatusSeeOther && resp.Header.Get("Location") == playground.Path; leads != c.leads || !leads &&
			resp.StatusCode != 200 {
			t.Errorf("%s %s, %s: %d %q", c.method, c.path, c.accept, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
}

func TestDemoLogin(t *testing.T) {
	t.Parallel()
	_, html := get(t, start(t, playground.Config{}).URL+playground.Path)
	if !strings.Contains(html, `"demo":null`) {
		t.Error("a page without a demo names one")
	}
	_, html = get(t, start(t, playground.Config{Demo: &playground.DemoLogin{Username: "ada", Password: "</script>"}}).URL+playground.Path)
	if !strings.Contains(html, `"demo":{"username":"ada"`) || strings.Contains(html, `"</script>`) {
		t.Errorf("settings are wrong: %s", html)
	}
}

// The examples are valid operations of the API.
func TestExamples(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: string(raw)})
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range playground.Examples() {
		if _, err := gqlparser.LoadQueryWithRules(schema, example.Query, nil); err != nil {
			t.Errorf("%v in\n%s", err, example.Query)
		}
	}
}
