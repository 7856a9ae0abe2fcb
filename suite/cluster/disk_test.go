package cluster

import (
	"context"
	"sync/atomic"
	"testing"

	"roost/app"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// An embedded node whose disk is full says so, to clients and to whoever watches it, and goes on when there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	var limit atomic.Pointer[string]
	r := apitest.New(t, apitest.Embedded, func(c *app.Config) {
		c.Watch = func(ctx context.Context, tx sqldb.Querier, _ string, _ []any) {
			if pragma := limit.Load(); tx != nil && pragma != nil {
				// SQLite's own limit of the file's size acts as a full disk does. It is one of the connection, of which
				// there is one that writes.
				if _, err := tx.ExecContext(ctx, *pragma); err != nil {
					t.Error(err)
				}
			}
		}
	})
	ada := r.SignUp(t, "ada")
	tweet := ada.Tweet(t, "hello")
	set := func(pragma string) { limit.Store(&pragma) }
	post := `mutation { createTweet(input: {text: "one more"}) { tweet { id } userErrors { code } } }`
	set("PRAGMA max_page_count = 1")                                 // as small as the file is
	for full, n := false, 0; !full && n < 1000 && !t.Failed(); n++ { // free pages are used first
		if res := ada.Run(t, post, nil); len(res.Errors) > 0 {
			full = true
			rig.ExpectUnavailable(t, "with a full disk", post, res)
		}
	}
	apitest.Until(t, "/readyz to report it", func() bool {
		status, body := r.Ready(t)
		return status == 503 && has(body, `"database":"failing"`, "no room")
	})
	ada.Must(t, `query($id: ID!) { tweet(id: $id) { text } }`, apitest.Vars{"id": tweet}) // reading goes on
	set("PRAGMA max_page_count = 1000000")
	apitest.Until(t, "/readyz to be content", func() bool {
		status, body := r.Ready(t)
		return status == 200 && has(body, `"database":"ok"`)
	})
	ada.Must(t, post, nil)
}
