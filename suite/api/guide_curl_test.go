package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"roost/testkit/apitest"
)

// shownURL is the address of the node in the pages.
const shownURL = "http://localhost:8080"

// spoken are commands of the pages that are not run: they install, build or start.
var spoken = map[string]bool{
	"go run ./cmd/roost": true,
	"npm install @urql/core @urql/exchange-graphcache graphql-ws": true,
	"npm install relay-runtime graphql-ws":                        true,
}

// curl makes the request of a command as curl does. It reads the few options that the pages use.
func curl(ctx context.Context, at string, words []string) (req *http.Request, withHeaders bool, err error) {
	var target, method string
	var data, query []string
	header := http.Header{}
	var implied map[string]string
	for i := 1; i < len(words); i++ {
		value := func() string {
			if i++; i < len(words) {
				return words[i]
			}
			err = fmt.Errorf("%s has no value", words[i-1])
			return ""
		}
		switch word := words[i]; word {
		case "-s", "-N":
		case "-i", "-si":
			withHeaders = true
		case "-G":
			method = http.MethodGet
		case "-X":
			method = value()
		case "-H":
			name, content, _ := strings.Cut(value(), ":")
			header.Add(name, strings.TrimSpace(content))
		case "-b":
			header.Add("Cookie", value())
		case "-d":
			data = append(data, value())
			implied = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
		case "--json":
			data = append(data, value())
			implied = map[string]string{"Content-Type": "application/json", "Accept": "application/json"}
		case "--data-urlencode":
			name, content, _ := strings.Cut(value(), "=")
			query = append(query, name+"="+url.QueryEscape(content))
		default:
			if strings.HasPrefix(word, "-") || target != "" {
				return nil, false, fmt.Errorf("curl's %s is not read here", word)
			}
			target = word
		}
	}
	path, ok := strings.CutPrefix(target, shownURL)
	if err != nil || !ok {
		return nil, false, fmt.Errorf("%q is not below %s, %v", target, shownURL, err)
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	var body io.Reader
	if len(data) > 0 {
		body = strings.NewReader(strings.Join(data, "&"))
		if method == "" {
			method = http.MethodPost
		}
	}
	if req, err = http.NewRequestWithContext(ctx, method, at+path, body); err == nil {
		for name, content := range implied {
			req.Header.Set(name, content)
		}
		for name, values := range header { // an option -H beats what -d and --json imply
			req.Header[name] = values
		}
	}
	return req, withHeaders, err
}

// reply is the answer to a command.
type reply struct {
	*http.Response
	withHeaders bool
	body        string
	// lines are those of a stream, which has no body.
	lines *bufio.Reader
}

// shell runs the commands of a block and returns the answer to the last curl.
func (p *player) shell(t *testing.T, s step) *reply {
	t.Helper()
	text, err := p.shown.fill(s.text)
	if err != nil {
		t.Fatalf("line %d: %v", s.line, err)
	}
	all, err := commands(text)
	if err != nil {
		t.Fatalf("line %d: %v", s.line, err)
	}
	var last *reply
	for _, words := range all {
		if words[0] != "curl" {
			if !spoken[strings.Join(words, " ")] {
				t.Errorf("line %d: %q is not run, and is not known", s.line, words)
			}
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		t.Cleanup(cancel)
		req, withHeaders, err := curl(ctx, p.node.URL, words)
		if err != nil {
			t.Fatalf("line %d: %v", s.line, err)
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatalf("line %d: %v", s.line, err)
		}
		last = &reply{Response: res, withHeaders: withHeaders}
		if strings.HasPrefix(text, "curl -N") {
			last.lines = bufio.NewReader(res.Body)
			continue
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			t.Fatalf("line %d: %v", s.line, err)
		}
		last.body = string(body)
	}
	return last
}

// http compares an answer with what a page shows of it: the status, some headers, the body.
func (p *player) http(want string, got *reply) error {
	head, body, _ := strings.Cut(want, "\n\n")
	lines := strings.Split(head, "\n")
	if status := "HTTP/1.1 " + got.Status; lines[0] != status {
		return fmt.Errorf("shown is %q for %q: %s", lines[0], status, got.body)
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		if !p.shown.text(value, got.Header.Get(name)) {
			return fmt.Errorf("shown is %q for %q", line, got.Header.Get(name))
		}
	}
	switch {
	case got.lines != nil || body == "" && got.body == "":
		return nil
	case strings.HasPrefix(body, "{"):
		return p.shown.json(body, got.body)
	case !p.shown.text(strings.TrimSpace(body), strings.TrimSpace(got.body)):
		return fmt.Errorf("shown is the body\n%s\nfor\n%s", body, got.body)
	}
	return nil
}

// stream compares the lines of a stream with those that are shown.
func (p *player) stream(t *testing.T, want string, got *reply) error {
	t.Helper()
	for line := range strings.SplitSeq(want, "\n") {
		have := make(chan string, 1)
		go func() {
			text, err := got.lines.ReadString('\n')
			if err != nil {
				text += err.Error()
			}
			have <- strings.TrimSuffix(text, "\n")
		}()
		ctx, cancel := context.WithTimeout(context.Background(), apitest.Patience)
		select {
		case text := <-have:
			cancel()
			var err error
			if data, ok := strings.CutPrefix(line, "data: {"); ok {
				err = p.shown.json("{"+data, strings.TrimPrefix(text, "data: "))
			} else if !p.shown.text(line, text) {
				err = fmt.Errorf("shown is the line %q for %q", line, text)
			}
			if err != nil {
				return err
			}
		case <-ctx.Done():
			cancel()
			return fmt.Errorf("the line %q did not come", line)
		}
	}
	return nil
}
