// Package goclient is a client in Go, which the guide to the API shows. It needs nothing but the standard library.
package goclient

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client asks a Roost with a session's key; an empty key asks as nobody.
type Client struct {
	URL, Key string
	HTTP     *http.Client
}

// Error is the first error of an operation that did not work.
type Error struct {
	Message    string
	Extensions struct {
		Code       string
		Reason     string
		RetryAfter int // seconds
	}
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Extensions.Code + ": " + e.Message }

type answer struct {
	Data   json.RawMessage
	Errors []*Error
}

func (a answer) into(data any) error {
	if len(a.Errors) > 0 {
		return a.Errors[0]
	}
	return json.Unmarshal(a.Data, data)
}

// Run runs a query or mutation, and decodes its data. Refusals of a mutation are in the userErrors of the data.
func (c *Client) Run(ctx context.Context, query string, variables, data any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.send(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	var a answer
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		return fmt.Errorf("%s: %w", res.Status, err)
	}
	return a.into(data)
}

// Watch calls on with the data of each event of a subscription. When the connection breaks, it continues after the last event. It returns
// when ctx or the session ends, or when on returns an error.
func (c *Client) Watch(ctx context.Context, subscription string, on func(data json.RawMessage) error) error {
	lastID := ""
	for {
		isOver, err := c.stream(ctx, subscription, &lastID, on)
		if isOver || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// stream reads one stream. It reports whether the subscription is over, so that nobody need open another stream.
func (c *Client) stream(ctx context.Context, subscription string, lastID *string, on func(json.RawMessage) error) (isOver bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/graphql?query="+url.QueryEscape(subscription), nil)
	if err != nil {
		return true, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if *lastID != "" {
		req.Header.Set("Last-Event-ID", *lastID)
	}
	res, err := c.send(req)
	if err != nil {
		return false, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		var a answer
		if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
			return res.StatusCode < 500, fmt.Errorf("%s: %w", res.Status, err)
		}
		return res.StatusCode < 500 && res.StatusCode != http.StatusTooManyRequests, a.into(nil)
	}
	lines := bufio.NewReader(res.Body)
	var event, data, id string
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return false, err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case field == "event":
			event = value
		case field == "data":
			data += value
		case field == "id":
			id = value
		case line == "\n" && event == "complete":
			return true, nil
		case line == "\n":
			if event == "next" {
				var a answer
				var content json.RawMessage
				if err := json.Unmarshal([]byte(data), &a); err != nil {
					return true, err
				}
				if err := a.into(&content); err != nil {
					return true, err
				}
				if err := on(content); err != nil {
					return true, err
				}
			}
			if id != "" {
				*lastID = id
			}
			event, data, id = "", "", ""
		}
	}
}

func (c *Client) send(req *http.Request) (*http.Response, error) {
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	return c.HTTP.Do(req)
}
