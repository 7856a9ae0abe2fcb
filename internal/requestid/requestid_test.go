package requestid_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"roost/internal/requestid"
)

func TestLinesNameTheirRequest(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(requestid.Handler(slog.NewTextHandler(&log, nil)))
	ctx := requestid.With(context.Background(), "ABC123")
	for name, say := range map[string]func(context.Context, string, ...any){
		"plain":      logger.WarnContext,
		"attributes": logger.With("a", 1).WarnContext,
		"group":      logger.WithGroup("g").WarnContext,
	} {
		for id, ctx := range map[string]context.Context{"": context.Background(), "ABC123": ctx} {
			log.Reset()
			say(ctx, "hello")
			if got := strings.Contains(log.String(), "request=ABC123"); got != (id != "") {
				t.Errorf("%s, request %q: %s", name, id, log.String())
			}
		}
	}
	if id := requestid.From(ctx); id != "ABC123" {
		t.Errorf("From gives %q", id)
	}
}
