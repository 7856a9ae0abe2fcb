package cluster

import (
	"net/url"
	"strings"
	"sync"
	"testing"

	"roost/app"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// hostOf is the address in a database's URL, and behind is the URL with another address.
func hostOf(t *testing.T, of string) (host string, behind func(l *rig.Proxy) string) {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	host = u.Host
	return host, func(l *rig.Proxy) string {
		moved := *u
		moved.Host = l.Listener.Addr().String()
		return moved.String()
	}
}

// onStandby wants a node that takes itself out of traffic, says why, and asks clients to come back.
func onStandby(t *testing.T, r *apitest.Roost, u *apitest.User, friend *apitest.User, tweet string) {
	t.Helper()
	apitest.Until(t, "/readyz to report the standby", func() bool {
		status, body := r.Ready(t)
		return status == 503 && has(body, `"status":"unready"`, `"database":"failing"`, "standby or read-only")
	})
	for query, vars := range operationsOf(friend, tweet) {
		if strings.HasPrefix(query, "mutation") {
			rig.ExpectUnavailable(t, "at a standby", query, u.Run(t, query, vars))
		}
	}
}

// isBack wants a node in traffic again, where everything works.
func isBack(t *testing.T, r *apitest.Roost, friend *apitest.User, tweet string) {
	t.Helper()
	apitest.Until(t, "/readyz to be content", func() bool {
		status, body := r.Ready(t)
		return status == 200 && has(body, `"status":"ready"`)
	})
	if err := useEverything(r, friend, tweet); err != nil {
		t.Fatal(err)
	}
}

// The database's address leads to a standby for a while: when connections were cut, as by a failover whose new
// primary is not promoted yet, and when it was so from the start.
func TestStandbyBehindTheAddress(t *testing.T) {
	t.Parallel()
	primary := migratedCluster(t)
	standby := primary.Standby()
	at, behind := hostOf(t, primary.URL())
	other, _ := hostOf(t, standby.URL())
	l := rig.NewProxy(t, at)
	r := apitest.New(t, apitest.Server, func(c *app.Config) { c.DatabaseURL = behind(l) })
	ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
	tweet := bob.Tweet(t, "hello")
	standby.CatchUp(primary)

	l.Redirect(other)
	onStandby(t, r, ada, bob, tweet)
	l.Redirect(at)
	isBack(t, r, bob, tweet)

	standby.CatchUp(primary)
	l.Redirect(other)
	onStandby(t, r, ada, bob, tweet)
	primary.Stop()
	standby.Promote()
	isBack(t, r, bob, tweet)
	rig.CheckRows(t, rig.OpenURL(t, standby.URL()))
}

// A node whose connections were opened to a standby leaves them once the address leads to the primary, though nobody
// cuts them.
func TestNodeLeavesConnectionsToAStandby(t *testing.T) {
	t.Parallel()
	primary := migratedCluster(t)
	at, behind := hostOf(t, primary.URL())
	l := rig.NewProxy(t, at)
	r := apitest.New(t, apitest.Server, func(c *app.Config) { c.DatabaseURL = behind(l) + "&target_session_attrs=any" })
	ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
	tweet := bob.Tweet(t, "hello")
	standby := primary.Standby()
	standby.CatchUp(primary)
	other, _ := hostOf(t, standby.URL())
	l.Redirect(other)
	onStandby(t, r, ada, bob, tweet)
	l.RedirectNew(at)
	isBack(t, r, bob, tweet)
}

// A row that somebody else holds for longer than the database's lock_timeout makes its writers come back, and is no
// fault of ours.
func TestLockTimeoutIsUnavailable(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Server, func(c *app.Config) { c.DatabaseURL += "&lock_timeout=500" })
	ada := r.SignUp(t, "ada")
	tx, err := r.DB(t).Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sync.OnceFunc(func() { _ = tx.Rollback() })()
	if _, err := tx.ExecContext(t.Context(), "SELECT 1 FROM users FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	rename := `mutation { updateProfile(input: {name: "x"}) { user { name } userErrors { code } } }`
	rig.ExpectUnavailable(t, "a held row", rename, ada.Run(t, rename, nil))
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	ada.Must(t, rename, nil)
}
