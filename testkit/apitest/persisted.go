package apitest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"testing"
)

// Persisted asks by the hash of a query alone.
func (c *Client) Persisted(ctx context.Context, query string) (*Response, error) {
	return c.Send(ctx, map[string]any{"extensions": persisted(query)})
}

// Persist sends a query with its hash, to be kept.
func (c *Client) Persist(ctx context.Context, query string) (*Response, error) {
	return c.Send(ctx, map[string]any{"query": query, "extensions": persisted(query)})
}

func persisted(query string) any {
	sum := sha256.Sum256([]byte(query))
	return map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": hex.EncodeToString(sum[:])}}
}

// Ready asks /readyz, and returns the status and the text of the answer.
func (r *Roost) Ready(t testing.TB) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("ask /readyz: %v", err)
	}
	defer func() { _ = res.Body.Close() }()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("ask /readyz: %v", err)
	}
	return res.StatusCode, string(all)
}
