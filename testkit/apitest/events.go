package apitest

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Events is a stream of Server-Sent Events, read as a browser's EventSource reads it.
type Events struct {
	*http.Response
	// LastID is the id that EventSource would send when it opens the stream again; empty before there is one.
	LastID string
	lines  *bufio.Reader
	cancel context.CancelFunc
}

// Events opens a stream by GET, as EventSource does. lastID continues after the event with the id; empty begins anew.
func (c *Client) Events(t testing.TB, query string, vars Vars, lastID string) *Events {
	t.Helper()
	raw, err := json.Marshal(vars)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	at := c.URL + "/graphql?" + url.Values{"query": {query}, "variables": {string(raw)}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	if c.Key != "" {
		r.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := c.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("a stream of events was refused: %s: %s", resp.Status, body)
	}
	return &Events{Response: resp, LastID: lastID, lines: bufio.NewReader(resp.Body), cancel: cancel}
}

// Begun waits until the stream has a position, before its first event.
func (e *Events) Begun(t testing.TB) {
	t.Helper()
	for e.LastID == "" {
		if event, _, err := e.block(); err != nil || event != "" {
			t.Fatalf("a stream without a position: %q, %v", event, err)
		}
	}
}

// Next returns the next result. The error is io.EOF when the stream ends, with or without `complete`.
func (e *Events) Next() (*Response, error) {
	for {
		event, data, err := e.block()
		switch {
		case err != nil:
			return nil, err
		case event == "complete":
			return nil, io.EOF
		case event == "next":
			return decode(Message{Type: event, Payload: json.RawMessage(data)})
		}
	}
}

// block reads up to the next empty line.
func (e *Events) block() (event, data string, err error) {
	for {
		line, err := e.lines.ReadString('\n')
		if err != nil {
			return "", "", err // browsers ignore what has no empty line behind it
		}
		if line == "\n" {
			return event, data, nil
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			event = value
		case "data":
			data += value
		case "id":
			e.LastID = value
		}
	}
}

// Leave cuts the connection. Events that were on their way are lost.
func (e *Events) Leave() { e.cancel() }
