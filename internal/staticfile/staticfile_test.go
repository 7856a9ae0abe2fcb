package staticfile

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func ask(f *File, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/file", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.Serve(w, r, Revalidate)
	return w
}

// The compressed form has a tag of its own, and each tag is asked for again with its form.
func TestForms(t *testing.T) {
	t.Parallel()
	text := []byte(strings.Repeat("text ", 100))
	f := New("a.js", text)
	plain, packed := ask(f), ask(f, "Accept-Encoding", "br, gzip;q=0.5")
	if plain.Code != 200 || !bytes.Equal(plain.Body.Bytes(), text) || plain.Header().Get("Content-Encoding") != "" ||
		plain.Header().Get("Content-Type") != "text/javascript; charset=utf-8" || plain.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("plain: %d %v", plain.Code, plain.Header())
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, text) || packed.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("packed: %v %v", err, packed.Header())
	}
	tag, packedTag := plain.Header().Get("ETag"), packed.Header().Get("ETag")
	if tag == packedTag || tag != `"`+f.Version()+`"` {
		t.Errorf("tags %s and %s", tag, packedTag)
	}
	for _, c := range []struct {
		accepts, none string
		status        int
	}{
		{"", tag, 304}, {"", `"other", W/` + tag, 304}, {"", "*", 304}, {"", packedTag, 200}, {"gzip", packedTag, 304}, {"gzip", tag, 200},
		{"gzip;q=0", tag, 304},
	} {
		w := ask(f, "Accept-Encoding", c.accepts, "If-None-Match", c.none)
		if w.Code != c.status || c.status == 304 && w.Body.Len() > 0 {
			t.Errorf("%+v: %d", c, w.Code)
		}
	}
}

// What is compressed already, and what does not become smaller, is served as it is.
func TestNotCompressedTwice(t *testing.T) {
	t.Parallel()
	zeros := make([]byte, 1000) // which would become smaller
	for name, kind := range map[string]string{
		"a.tgz": "application/gzip", "a.woff2": "font/woff2", "a.PNG": "image/png", "a.nothing": "application/octet-stream",
	} {
		content := zeros
		if name == "a.nothing" {
			content = []byte("x")
		}
		w := ask(New(name, content), "Accept-Encoding", "gzip")
		if w.Header().Get("Content-Encoding") != "" || w.Header().Get("Content-Type") != kind || w.Body.Len() != len(content) {
			t.Errorf("%s: %v, %d bytes", name, w.Header(), w.Body.Len())
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"": false, "gzip": true, "br, GZIP": true, "gzip;q=0": false, "gzip; q=0.0": false, "gzip;q=0.1": true, "deflate,br": false,
		"xgzip": false, "*": false,
	} {
		if got := acceptsGzip([]string{value}); got != want {
			t.Errorf("%q: %t", value, got)
		}
	}
}

func TestConnectSources(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"localhost:8080": "'self' ws://localhost:8080 wss://localhost:8080", "[::1]:80": "'self' ws://[::1]:80 wss://[::1]:80",
		"": "'self'", "a; script-src *": "'self'", "a b": "'self'",
	} {
		if got := ConnectSources(host); got != want {
			t.Errorf("%q: %s", host, got)
		}
	}
}
