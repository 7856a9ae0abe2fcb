package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// maxAdminRequest is the most bytes of a request that the admin address reads.
const maxAdminRequest = 64 << 10

// readAdmin reads the JSON of a request to the admin address. If it is refused, text says why.
func readAdmin(w http.ResponseWriter, r *http.Request, into any) (status int, text string) {
	if r.Header.Get("Content-Type") != "application/json" {
		return http.StatusUnsupportedMediaType, "send application/json"
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminRequest)).Decode(into) != nil {
		return http.StatusBadRequest, "that is not the JSON of a request"
	}
	return http.StatusOK, ""
}

// answerAdmin answers a request to the admin address.
func answerAdmin(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // a client that left needs no answer
}

// askAdmin sends a request to the admin address of a node; addr has the form of --admin-addr. The caller closes the answer.
func askAdmin(ctx context.Context, addr, path string, request any) (*http.Response, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("--admin-addr %s: %w", addr, err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the node at --admin-addr %s does not answer: %w", addr, err)
	}
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		_ = res.Body.Close()
		return nil, fmt.Errorf("what answers at --admin-addr %s is no admin address of roost (%s)", addr, res.Status)
	}
	return res, nil
}
