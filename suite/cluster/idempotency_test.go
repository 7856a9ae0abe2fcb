package cluster

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// poster posts tweets with idempotency keys; the text of each tweet is its key.
type poster struct {
	t *testing.T
	// posted has the tweet of each key, as it was found in the database or answered first.
	posted map[string]string
}

// post sends a request once. It reports whether there was an answer, which must name the tweet of the key.
func (p *poster) post(u *apitest.User, key string) (answered bool) {
	p.t.Helper()
	for latest := time.Now().Add(apitest.Patience); ; <-time.After(10 * time.Millisecond) {
		res, _ := u.Try(`mutation($key: String!) { createTweet(input: {text: $key}) @idempotent(key: $key) { tweet { id }
			userErrors { code } } }`, apitest.Vars{"key": key})
		if res == nil {
			return false
		}
		busy := len(res.Errors) > 0 && res.Errors[0].Code() == "UNAVAILABLE" ||
			res.String("createTweet.userErrors.0.code") == "IDEMPOTENCY_IN_PROGRESS"
		if busy && time.Now().Before(latest) {
			continue
		}
		p.note(key, res.String("createTweet.tweet.id"), string(res.Body))
		return true
	}
}

func (p *poster) note(key, id, where string) {
	p.t.Helper()
	if first := p.posted[key]; id == "" || first != "" && id != first {
		p.t.Fatalf("%s was posted as %q, and then there is %q: %s", key, first, id, where)
	}
	p.posted[key] = id
}

// A node that is killed around the commit of a tweet with an idempotency key, again and again: each key has one tweet, and every repeat
// answers with it, on the node that starts again and on another one.
func TestKilledWithIdempotencyKeys(t *testing.T) {
	kills := testtime.Soak(5, 100)
	inBothModes(t, func(t *testing.T, p *rig.Process) {
		bin := rig.Faulty.Build(t)
		rnd := rand.New(rand.NewPCG(1, 2))
		p.Start(t, bin)
		ada := p.SignUp(t, "ada")
		p.End(t, syscall.SIGKILL)
		var elsewhere *apitest.User
		if p.Mode == apitest.Server {
			other := p.Alongside(t)
			other.Start(t, bin)
			elsewhere = rig.UserOn(other.Roost, ada)
		}
		all := &poster{t: t, posted: map[string]string{}}
		committed := 0
		for n := range kills {
			point := []string{"events.after-commit", "events.before-commit"}[n%2]
			p.Start(t, bin, fmt.Sprintf("ROOST_FAULT=%s:kill:%d", point, 1+rnd.IntN(3)))
			key := apitest.Unique("key")
			for all.post(ada, key) {
				if rnd.IntN(2) == 0 && !all.post(ada, key) {
					break
				}
				key = apitest.Unique("key")
			}
			<-p.Proc.Exited()
			p.Look(t, func(db *sqldb.DB) {
				found := apitest.Ints(t, db, "SELECT id FROM tweets WHERE text = $1", key)
				for _, id := range found {
					all.note(key, ids.TweetID(id).String(), "the database")
					committed++
				}
			})
			if elsewhere != nil && !all.post(elsewhere, key) {
				t.Fatal("the other node does not answer")
			}
			p.Start(t, bin)
			for range 2 {
				if !all.post(ada, key) {
					t.Fatal("the node does not answer after its start")
				}
			}
			p.End(t, syscall.SIGKILL)
		}
		if committed == 0 {
			t.Error("no kill came between a commit and its answer")
		}
		p.Start(t, bin)
		for key := range all.posted {
			all.post(ada, key)
		}
		p.End(t, syscall.SIGKILL)
		p.Look(t, func(db *sqldb.DB) {
			if n := apitest.Int(t, db, "SELECT count(*) FROM tweets"); n != int64(len(all.posted)) {
				t.Errorf("%d keys have posted %d tweets", len(all.posted), n)
			}
			rig.CheckRows(t, db)
		})
	})
}
