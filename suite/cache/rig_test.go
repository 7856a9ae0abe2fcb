package cache

import (
	"net"
	"net/http"
	"testing"
	"time"

	"roost/testkit/apitest"
)

// webClient is an HTTP client that keeps as many connections as it needs.
func webClient(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: 1000, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: apitest.Patience}
}
