package app

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"roost/cache/audit"
)

// emptyAudit is an audit of an empty cache.
func emptyAudit(context.Context, audit.Config) (*audit.Report, error) { return &audit.Report{}, nil }

// onReport calls a function when the report is sent, before the handler returns.
type onReport struct {
	*httptest.ResponseRecorder
	call func()
}

func (w onReport) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(`"Report"`)) {
		w.call()
	}
	return w.ResponseRecorder.Write(b)
}

// Whoever has the report of an audit can start the next one.
func TestNextAuditAfterAReport(t *testing.T) {
	t.Parallel()
	handler := CacheAudits.handler(emptyAudit)
	ask := func(w http.ResponseWriter) {
		r := httptest.NewRequest(http.MethodPost, "/audit/cache", strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		handler.ServeHTTP(w, r)
	}
	var next []int
	ask(onReport{httptest.NewRecorder(), func() {
		w := httptest.NewRecorder()
		ask(w)
		next = append(next, w.Code)
	}})
	if len(next) != 1 || next[0] != http.StatusOK {
		t.Errorf("the next audits are answered with %d", next)
	}
}
