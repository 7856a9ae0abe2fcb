package secrets

import (
	"log/slog"
	"strings"
	"testing"

	"roost/testkit/apitest"
)

// A request writes one line to the log, however many of its fields fail, and the line says what really failed.
func TestOneLineForAFailedRequest(t *testing.T) {
	for _, mode := range []apitest.Mode{apitest.Embedded, apitest.Server} {
		t.Run(string(mode), func(t *testing.T) {
			apitest.New(t, mode).Stop() // the first node of a process turns its log off
			r := apitest.New(t, mode)
			ada := r.SignUp(t, "ada")
			ada.Tweet(t, "hello")
			if _, err := r.DB(t).Writer().ExecContext(t.Context(), "ALTER TABLE follows RENAME TO gone_follows"); err != nil {
				t.Fatal(err)
			}
			before, log := slog.Default(), &written{}
			slog.SetDefault(slog.New(slog.NewTextHandler(log, nil)))
			defer slog.SetDefault(before)
			res := ada.Run(t,
				`{ viewer { user { a: followers { nodes { id } } b: followers(first: 3) { nodes { id } } c: following { nodes { id } } } } }`, nil)
			if len(res.Errors) < 3 {
				t.Fatalf("%s", res.Body)
			}
			var lines []string
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "level=ERROR") {
					lines = append(lines, line)
				}
			}
			if len(lines) != 1 {
				t.Fatalf("%d lines:\n%s", len(lines), strings.Join(lines, ""))
			}
			for _, want := range []string{"path=viewer.user.", "code=INTERNAL", "failed=3", "follows"} {
				if !strings.Contains(lines[0], want) {
					t.Errorf("it does not say %s: %s", want, lines[0])
				}
			}
		})
	}
}
