package api

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// The same request many times at once, on two nodes: one tweet, and every answer names it.
func TestIdempotentTweetsAtOnce(t *testing.T) {
	const keys, atOnce = 5, 16
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		ada := a.SignUp(t, "ada")
		clients := []*apitest.Client{ada.Client, rig.UserOn(b, ada).Client}
		for k := range keys {
			key := fmt.Sprint("key ", k)
			var mu sync.Mutex
			seen := map[string]int{}
			apitest.Parallel(t, atOnce, func(i int) error {
				c, query, vars := clients[i%2], postKeyed, apitest.Vars{"key": key, "text": key}
				if i%4 >= 2 {
					c, query, vars = withKeys(c, key), postPlain, apitest.Vars{"text": key}
				}
				for latest := time.Now().Add(apitest.Patience); ; {
					res, err := again(c, query, vars)
					if err != nil {
						return err
					}
					got := outcome(res)
					if got == "IDEMPOTENCY_IN_PROGRESS" && time.Now().Before(latest) { // on a slow machine
						continue
					}
					mu.Lock()
					seen[got]++
					mu.Unlock()
					return nil
				}
			})
			if len(seen) != 1 || seen["UNAVAILABLE"]+seen[""] > 0 {
				t.Errorf("%d requests with a key answer %v", atOnce, seen)
			}
		}
		db := a.DB(t)
		if n := apitest.Int(t, db, "SELECT count(*) FROM tweets"); n != keys {
			t.Errorf("%d keys have posted %d tweets", keys, n)
		}
		rig.CheckRows(t, db)
	})
}

// block keeps the user's tweets from being stored until release is called.
func block(t *testing.T, db *sqldb.DB, u *apitest.User) (release func()) {
	t.Helper()
	tx, err := db.Writer().BeginTx(t.Context(), nil) // on SQLite it locks the database
	if err != nil {
		t.Fatal(err)
	}
	if db.IsPostgres() {
		_, err = tx.ExecContext(t.Context(), `SELECT 1 FROM user_stats AS s JOIN users AS u ON u.id = s.user_id WHERE u.username = $1
			FOR UPDATE OF s`, u.Name)
	}
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(release)
	return release
}

// While the first request runs, repeats on both nodes wait for 2 s without holding connections to the database, and are then asked to try
// again; one that comes shortly before the end waits for it.
func TestIdempotentTweetInProgress(t *testing.T) {
	const repeats = 12
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		ada := a.SignUp(t, "ada")
		other := rig.UserOn(b, ada)
		ada.Tweet(t, "so that there is a row of counts")
		db := a.DB(t)
		release := block(t, db, ada)
		vars := apitest.Vars{"key": "k", "text": "slow"}
		first := make(chan *apitest.Response, 1)
		go func() {
			res, _ := again(ada.Client, postKeyed, vars)
			for res != nil && outcome(res) == "IDEMPOTENCY_IN_PROGRESS" { // another one was the first
				res, _ = again(ada.Client, postKeyed, vars)
			}
			first <- res
		}()
		look := db
		if db.IsPostgres() {
			look = a.DB(t)
			apitest.Until(t, "the first request has the key", func() bool {
				return apitest.Int(t, look, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 730301 AND granted") == 1
			})
		}
		answered := make(chan error, 1)
		began := time.Now()
		go func() {
			answered <- func() error {
				var all sync.WaitGroup
				faults := make(chan error, repeats)
				for i := range repeats {
					all.Go(func() {
						c := []*apitest.User{ada, other}[i%2]
						res, err := c.Do(context.WithoutCancel(t.Context()), postKeyed, vars)
						if err == nil && outcome(res) != "IDEMPOTENCY_IN_PROGRESS" && outcome(res) != "UNAVAILABLE" {
							err = fmt.Errorf("while the first request runs, a repeat answers %s", res.Body)
						}
						if err != nil {
							faults <- err
						}
					})
				}
				all.Wait()
				close(faults)
				return <-faults
			}()
		}()
		most := int64(0)
		for waiting := true; waiting; {
			select {
			case err := <-answered:
				if err != nil {
					t.Error(err)
				}
				waiting = false
			default:
				if db.IsPostgres() {
					most = max(most, apitest.Int(t, look, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
						AND wait_event_type = 'Lock'`))
				} else {
					<-time.After(time.Millisecond)
				}
			}
		}
		if took := time.Since(began); took < 2*time.Second-100*time.Millisecond {
			t.Errorf("repeats were refused after %s", took)
		}
		if most > 1 {
			t.Errorf("up to %d transactions waited for locks; only the first request may", most)
		}
		last := make(chan *apitest.Response, 1)
		go func() {
			res, _ := again(other.Client, postKeyed, vars)
			last <- res
		}()
		release()
		res := <-first
		if res == nil || !strings.Contains(string(res.Body), `"text":"slow"`) {
			t.Fatalf("the first request answers %v", res)
		}
		if res := <-last; res == nil || outcome(res) != outcome(ada.Run(t, postKeyed, vars)) {
			t.Errorf("the repeat that waited answers %+v", res)
		}
		if n := apitest.Int(t, db, "SELECT count(*) FROM tweets WHERE text = 'slow'"); n != 1 {
			t.Errorf("there are %d tweets", n)
		}
	})
}
