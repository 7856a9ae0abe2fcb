package rows

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"roost/cache"
	"roost/domain/accounts"
	"roost/domain/countaudit"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/tweets"
	"roost/ent/event"
	"roost/events"
	"roost/internal/errs"
	"roost/testkit/testtime"
)

// After every write both nodes read, of every row that there is or could be, what SQL says.
func TestEveryWriteIsSeen(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		w := &world{rig: r, dice: rand.New(rand.NewPCG(1, 2)), names: []string{"nobody"}}
		for range 4 {
			w.signUp(t)
		}
		steps := testtime.Soak(150, 300)
		// Which steps are taken is random, so the run goes on until every event was written.
		for step := 0; step < steps || step < 10*steps && w.unwritten(t) != ""; step++ {
			w.agree(t, step)
			w.write(t)
			if t.Failed() {
				return
			}
		}
		w.agree(t, steps)
		if typ := w.unwritten(t); typ != "" {
			t.Errorf("no step writes an event %s", typ)
		}
	})
}

// unwritten returns a type of event that no step of the run has written, empty if there is none. Only imports write
// RowsImported, and only the previous release writes ReactionSet.
func (w *world) unwritten(t *testing.T) string {
	t.Helper()
	all, err := w.client.Event.Query().Select(event.FieldType).Strings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.All() {
		if typ := e.Type(); !slices.Contains(append(all, events.RowsImported{}.Type(), events.ReactionSet{}.Type()), typ) {
			return typ
		}
	}
	return ""
}

// world is what a random run has made.
type world struct {
	*rig
	dice     *rand.Rand
	users    []int64
	names    []string // all ever used
	tweets   []int64
	sessions []*accounts.SignedIn
	made     int
	last     string
}

func pick[T any](w *world, all []T) T { return all[w.dice.IntN(len(all))] }

// write does something at random; that it is refused is fine.
func (w *world) write(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	in := pick(w, w.sessions)
	user, other := pick(w, w.users), pick(w, w.users)
	var err error
	do := func(what string, fn func() error) func() { return func() { w.last, err = what, fn() } }
	steps := []func(){
		do("repair counts", func() error { return w.repairCounts(ctx, user) }),
		do("tweet", func() error {
			tweet, err := w.Tweets.Post(ctx, user, "hello")
			if err == nil {
				w.tweets = append(w.tweets, int64(tweet.ID))
			}
			return err
		}),
		do("follow", func() error { return w.Follows.Follow(ctx, user, other) }),
		do("follow again", func() error { return w.Follows.Follow(ctx, user, other) }),
		do("unfollow", func() error { return w.Follows.Unfollow(ctx, user, other) }),
		do("profile", func() error {
			bio := fmt.Sprint("bio ", w.dice.IntN(5))
			return w.Accounts.UpdateProfile(ctx, user, accounts.ProfileChange{Bio: &bio})
		}),
		do("rename", func() error {
			name := fmt.Sprint("Name", w.dice.IntN(8))
			w.names = append(w.names, name)
			return w.Accounts.UpdateSettings(ctx, user, accounts.SettingsChange{Username: &name})
		}),
		do("policy", func() error {
			policy := pick(w, []accounts.SessionPolicy{accounts.SingleDevice, accounts.MultiDevice})
			return w.Accounts.UpdateSettings(ctx, user, accounts.SettingsChange{SessionPolicy: &policy})
		}),
		do("log in", func() error { return w.logIn(ctx, in.UserID) }),
		do("log out", func() error { _, err := w.Accounts.LogOut(ctx, in.UserID, in.Session.ID.ID); return err }),
		do("revoke others", func() error { _, err := w.Accounts.RevokeOthers(ctx, in.UserID, in.Session.ID.ID); return err }),
		do("password", func() error {
			return w.Accounts.ChangePassword(ctx, in.UserID, in.Session.ID.ID, netip.Prefix{}, "correct horse", "correct horse")
		}),
		do("touch", func() error {
			w.clock.Add(6 * time.Minute)
			return w.Accounts.Touch(ctx, []int64{in.Session.ID.ID})
		}),
	}
	if len(w.tweets) > 0 {
		tweet := pick(w, w.tweets)
		steps = append(steps,
			do("reply", func() error {
				reply, err := w.Tweets.PostDraft(ctx, user, tweets.Draft{Text: "me too", InReplyTo: tweet})
				if err == nil {
					w.tweets = append(w.tweets, int64(reply.ID))
				}
				return err
			}),
			do("react", func() error {
				_, err := w.Reactions.Set(ctx, user, tweet, reactions.Kind(w.dice.IntN(3)))
				return err
			}),
			do("react", func() error { _, err := w.Reactions.Set(ctx, user, tweet, reactions.Like); return err }),
			do("retweet", func() error { _, _, err := w.Retweets.Retweet(ctx, user, tweet); return err }),
			do("undo a retweet", func() error { _, _, err := w.Retweets.Undo(ctx, user, tweet); return err }),
			do("delete", func() error { return w.Tweets.Delete(ctx, user, tweet) }))
	}
	pick(w, steps)()
	var refused *errs.Error
	var list errs.List
	if err != nil && !errors.As(err, &refused) && !errors.As(err, &list) {
		t.Fatalf("%s: %v", w.last, err)
	}
}

// repairCounts makes counts of a user and of a tweet wrong in SQL alone, and repairs them.
func (w *world) repairCounts(ctx context.Context, user int64) error {
	changes := []string{fmt.Sprint("UPDATE user_stats SET following_count = following_count + 1 WHERE user_id = ", user)}
	if len(w.tweets) > 0 {
		changes = append(changes, fmt.Sprint("UPDATE tweet_stats SET like_count = like_count + 1 WHERE tweet_id = ", pick(w, w.tweets)))
	}
	for _, query := range changes {
		if _, err := w.db.Writer().ExecContext(ctx, query); err != nil {
			return err
		}
	}
	r, err := countaudit.New(w.db, w.log, nil).Run(ctx, countaudit.Config{Repair: true})
	if err == nil && r.Repaired() != r.Found() {
		err = fmt.Errorf("repaired %d of %d counts", r.Repaired(), r.Found())
	}
	return err
}

func (w *world) signUp(t *testing.T) {
	t.Helper()
	w.made++
	name := fmt.Sprint("user", w.made)
	in, err := w.Accounts.SignUp(t.Context(), accounts.SignUp{Username: name, Email: name + "@example.com", Password: "correct horse"})
	if err != nil {
		t.Fatal(err)
	}
	w.users, w.names, w.sessions = append(w.users, in.UserID), append(w.names, name), append(w.sessions, in)
}

func (w *world) logIn(ctx context.Context, user int64) error {
	all, err := w.Accounts.ByID(ctx, []int64{user})
	if err != nil {
		return err
	}
	device := pick(w, []string{"phone", "desk"})
	in, err := w.Accounts.LogIn(ctx, all[user].User.Username, "correct horse", accounts.Device{Token: &device})
	if err == nil {
		w.sessions = append(w.sessions, in)
	}
	return err
}

// agree reads everything on both nodes, and compares it with SQL.
func (w *world) agree(t *testing.T, step int) {
	t.Helper()
	for _, s := range []*Store{w.there, w.here} {
		users := append(slices.Clone(w.users), 4242)
		compare(t, s, s.Accounts, users)
		compare(t, s, s.UserCounts, users)
		compare(t, s, s.Followed, users)
		compare(t, s, s.Reacted, users)
		compareMeaning(t, s, s.AuthorLists, users)
		compareMeaning(t, s, s.Retweeted, users)
		var edges []follows.Edge
		for _, a := range w.users {
			for _, b := range w.users {
				edges = append(edges, follows.Edge{FollowerID: a, FolloweeID: b})
			}
		}
		compare(t, s, s.Follows, edges)
		var names []string
		for _, n := range w.names {
			key, _ := accounts.NameKey(n)
			names = append(names, key)
		}
		compare(t, s, s.Names, names)
		var sessions []int64
		for _, in := range w.sessions {
			sessions = append(sessions, in.Session.ID.ID)
		}
		compare(t, s, s.Sessions, sessions)
		tweets := append(slices.Clone(w.tweets), 4242)
		compare(t, s, s.Tweets, tweets)
		compare(t, s, s.TweetCounts, tweets)
		var keys []reactions.Key
		for _, id := range w.tweets {
			for _, u := range w.users {
				keys = append(keys, reactions.Key{TweetID: id, UserID: u})
			}
		}
		compare(t, s, s.Reactions, keys)
		var passedOn []retweets.Key
		for _, k := range keys {
			passedOn = append(passedOn, retweets.Key(k))
		}
		compare(t, s, s.Retweets, passedOn)
	}
	if t.Failed() {
		t.Fatalf("after step %d: %s", step, w.last)
	}
}

// compare compares what a node reads with what SQL says, in the form of entries.
func compare[K comparable, V any](t *testing.T, s *Store, e *Entity[K, V], all []K) {
	t.Helper()
	compareAs(t, s, e, all, func(got, want cache.Value) bool { return got == want })
}

// compareMeaning is compare for rows whose version is also raised by writes that leave them as they are and do not invalidate them.
func compareMeaning[K comparable, V any](t *testing.T, s *Store, e *Entity[K, V], all []K) {
	t.Helper()
	compareAs(t, s, e, all, func(got, want cache.Value) bool { return got.Version <= want.Version && e.Same(got, want) })
}

func compareAs[K comparable, V any](t *testing.T, s *Store, e *Entity[K, V], all []K, equal func(got, want cache.Value) bool) {
	t.Helper()
	if len(all) == 0 {
		return
	}
	q := e.Ask(all)
	s.Answer(t.Context(), q.Request())
	q.name() // copies in the process are found without the names of their keys
	want, err := e.Stored(t.Context(), q.Request().Keys)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		v, ok, err := q.At(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		var got cache.Value
		if ok {
			var w writer
			e.write(&w, v)
			got = cache.Value{Version: e.version(v), Data: string(w)}
		}
		if !equal(got, want[i]) {
			t.Errorf("%s %v is %+v, SQL says %+v", e.name, all[i], got, want[i])
		}
	}
}
