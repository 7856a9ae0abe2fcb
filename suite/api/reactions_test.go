package api

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// again runs an operation that may be repeated until it is not refused as UNAVAILABLE: on a busy machine a node may have no time
// for many clients at once, and asks them to come back.
func again(c *apitest.Client, query string, vars apitest.Vars) (res *apitest.Response, err error) {
	for latest := time.Now().Add(apitest.Patience); ; <-time.After(100 * time.Millisecond) {
		res, err = c.Try(query, vars)
		if res == nil || len(res.Errors) == 0 || res.Errors[0].Code() != "UNAVAILABLE" || time.Now().After(latest) {
			return res, err
		}
	}
}

func TestEqualReactionsAtOnceCountOnce(t *testing.T) {
	const atOnce = 50
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		tweet := ada.Tweet(t, "count me once")
		bob.React(t, tweet, "LIKE")
		for i, step := range []struct {
			kind            string
			likes, dislikes int
		}{{"LIKE", 2, 0}, {"DISLIKE", 1, 1}, {"NONE", 1, 0}, {"DISLIKE", 1, 1}, {"LIKE", 2, 0}} {
			want := rig.Summary{Likes: step.likes, Dislikes: step.dislikes, Revision: i + 2, Mine: step.kind}
			apitest.Parallel(t, atOnce, func(int) error {
				res, err := again(ada.Client, rig.SetReaction, apitest.Vars{"id": tweet, "k": step.kind})
				if err != nil {
					return err
				}
				if got := rig.SummaryAt(res, "setReaction.subject.reactions"); got != want {
					return fmt.Errorf("%s: a reply says %+v, want %+v", step.kind, got, want)
				}
				return nil
			})
		}
		rig.CheckRows(t, r.DB(t))
	})
}

func TestTogglesOfManyUsersAddUp(t *testing.T) {
	const tweets, toggles = 5, 5
	users := testtime.Soak(50, 200)
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		crowd := r.SignUps(t, "toggler", users)
		subjects := make([]string, tweets)
		for i := range subjects {
			subjects[i] = crowd[0].Tweet(t, fmt.Sprintf("number %d", i))
		}
		last := make([]map[string]string, users)
		apitest.Parallel(t, users, func(i int) error {
			rnd := rand.New(rand.NewPCG(20, uint64(i)))
			revisions := map[string]int{}
			last[i] = map[string]string{}
			for range toggles {
				tweet, kind := subjects[rnd.IntN(tweets)], []string{"LIKE", "DISLIKE", "NONE"}[rnd.IntN(3)]
				res, err := again(crowd[i].Client, rig.SetReaction, apitest.Vars{"id": tweet, "k": kind})
				if err != nil {
					return err
				}
				got := rig.SummaryAt(res, "setReaction.subject.reactions")
				if got.Mine != kind {
					return fmt.Errorf("a reply to %s says %+v", kind, got)
				}
				own := got.Likes + got.Dislikes
				if got.Likes < 0 || got.Dislikes < 0 || kind == "LIKE" && got.Likes == 0 || kind == "DISLIKE" && got.Dislikes == 0 || own > users {
					return fmt.Errorf("a reply to %s does not include it: %+v", kind, got)
				}
				if got.Revision < revisions[tweet] {
					return fmt.Errorf("the revision went back from %d to %d", revisions[tweet], got.Revision)
				}
				revisions[tweet], last[i][tweet] = got.Revision, kind
			}
			return nil
		})
		db := r.DB(t)
		for _, tweet := range subjects {
			want := rig.Summary{Mine: "NONE"}
			for _, mine := range last {
				switch mine[tweet] {
				case "LIKE":
					want.Likes++
				case "DISLIKE":
					want.Dislikes++
				}
			}
			want.Revision = int(apitest.Int(t, db, "SELECT sum(version) FROM reactions WHERE tweet_id = $1", rig.TweetID(t, tweet)))
			res := r.Anonymous().Must(t, `query($id: ID!) { tweet(id: $id) { reactions { likeCount dislikeCount viewerReaction revision } } }`,
				apitest.Vars{"id": tweet})
			if got := rig.SummaryAt(res, "tweet.reactions"); got != want {
				t.Errorf("the API says %+v, the users say %+v", got, want)
			}
		}
		rig.CheckRows(t, db)
	})
}

// Two who follow each other at once touch the same two rows of counts.
func TestCrossFollowsDoNotDeadlock(t *testing.T) {
	const users = 12
	rounds := testtime.Soak(15, 30)
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		crowd := r.SignUps(t, "crossed", users)
		apitest.Parallel(t, 2*users, func(i int) error {
			rnd := rand.New(rand.NewPCG(3, uint64(i)))
			for range rounds {
				// Neighbours meet most often.
				a, b := rnd.IntN(users), 0
				b = (a + 1 + rnd.IntN(3)) % users
				if rnd.IntN(2) == 0 {
					a, b = b, a
				}
				field := []string{"followUser", "followUser", "unfollowUser"}[rnd.IntN(3)]
				res, err := again(crowd[a].Client, `mutation($id: ID!) { `+field+`(input: {userId: $id}) {
					user { id } userErrors { code message } } }`, apitest.Vars{"id": crowd[b].ID})
				if err != nil {
					return err
				}
				if res.String(field+".user.id") != crowd[b].ID {
					return fmt.Errorf("%s says %s", field, res.Data)
				}
			}
			return nil
		})
		db := r.DB(t)
		rig.CheckRows(t, db)
		for _, u := range crowd {
			checkFollows(t, r, db, u)
		}
		if db.IsPostgres() {
			r.Stop() // connections hand in their statistics when they close
			if n := apitest.Int(t, db, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n != 0 {
				t.Errorf("PostgreSQL resolved %d deadlocks", n)
			}
		}
	})
}

// checkFollows compares the lengths of a user's lists with the rows.
func checkFollows(t testing.TB, r *apitest.Roost, db *sqldb.DB, u *apitest.User) {
	t.Helper()
	res := r.Anonymous().Must(t, `query($name: String!) { user(username: $name) { followers { totalCount } following { totalCount } } }`,
		apitest.Vars{"name": u.Name})
	for field, query := range map[string]string{
		"followers": "SELECT count(*) FROM follows WHERE active AND followee_id = $1",
		"following": "SELECT count(*) FROM follows WHERE active AND follower_id = $1",
	} {
		want := apitest.Int(t, db, query, rig.UserID(t, u.ID))
		if got := res.Int("user." + field + ".totalCount"); int64(got) != want {
			t.Errorf("%s: %s.totalCount is %d, there are %d rows", u.Name, field, got, want)
		}
	}
}
