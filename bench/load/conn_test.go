package load

import (
	"net"
	"strings"
	"testing"
	"time"
)

// serve answers each request, whatever it says, with the next text, in pieces of some bytes.
func serve(t *testing.T, piece int, answers ...string) *Conn {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	go func() {
		defer func() { _ = server.Close() }()
		request := make([]byte, 1024)
		for _, text := range answers {
			if _, err := server.Read(request); err != nil {
				return
			}
			for len(text) > 0 {
				n := min(piece, len(text))
				if _, err := server.Write([]byte(text[:n])); err != nil {
					return
				}
				text = text[n:]
			}
		}
	}()
	c := &Conn{nc: client, buf: make([]byte, 64)}
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnswersAreReadByLength(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 100)
	for _, piece := range []int{1, 7, 1 << 10} {
		c := serve(t, piece,
			"HTTP/1.1 200 OK\r\nDate: now\r\ncontent-length: 5\r\n\r\nfirst",
			"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nchunk \r\nA\r\nafter that\r\n0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"+long)
		for _, want := range []struct {
			status int
			body   string
		}{{200, "first"}, {503, ""}, {200, "chunk after that"}, {200, long}} {
			status, body, err := c.Do([]byte("GET"))
			if err != nil || status != want.status || string(body) != want.body {
				t.Fatalf("pieces of %d: %d %q, %v; want %d %q", piece, status, body, err, want.status, want.body)
			}
		}
	}
}

func TestBrokenAnswersAreErrors(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"not HTTP":       "SSH-2.0 here\r\n\r\n",
		"no status":      "HTTP/1.1 abc\r\n\r\n",
		"no length":      "HTTP/1.1 200 OK\r\nServer: x\r\n\r\nbody",
		"odd length":     "HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nbody",
		"too long":       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nbody",
		"cut off":        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody",
		"odd chunk":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"cut off header": "HTTP/1.1 200 OK\r\n",
	} {
		if _, body, err := serve(t, 1<<10, text).Do([]byte("GET")); err == nil {
			t.Errorf("%s: read as %q", name, body)
		}
	}
}
