package tweets_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/domain/tweets"
	"roost/ent/tweet"
	"roost/internal/errs"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/testkit/domaintest"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	for key, ok := range map[string]bool{
		"k": true, "8e03978e-40d5-43dd-bc93-6894a57f9324": true, strings.Repeat("é", 127): true, strings.Repeat("x", tweets.MaxKeyLength): true,
		"": false, strings.Repeat("x", tweets.MaxKeyLength+1): false, "a\x00b": false, "a\nb": false, "a\xff": false,
	} {
		if e := tweets.CheckKey(key); (e == nil) != ok || e != nil && e.Kind != errs.BadRequest {
			t.Errorf("%q: %v", key, e)
		}
	}
}

// posted are the texts of the tweets in the database.
func posted(t *testing.T, d *domaintest.Domain) (texts []string) {
	t.Helper()
	rows, err := d.Client.Tweet.Query().Order(tweet.ByID()).All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		texts = append(texts, r.Text)
	}
	return texts
}

// A key posts one tweet a day, for each user, and repeats change nothing.
func TestPostOnce(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	post := func(user int64, key, text string) (int64, *tweets.Tweet) {
		t.Helper()
		id, made, err := d.Tweets.PostOnce(t.Context(), user, key, tweets.Draft{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		return id, made
	}
	first, made := post(users[0], "key", "hello")
	if made == nil || int64(made.ID) != first || made.Text != "hello" {
		t.Errorf("the first call posts %+v, id %d", made, first)
	}
	d.Emitted()
	d.Clock.Add(tweets.KeyLifetime - time.Second)
	if id, made := post(users[0], "key", "hello"); id != first || made != nil {
		t.Errorf("a repeat posts %+v and returns %d, want %d", made, id, first)
	}
	_, _, err := d.Tweets.PostOnce(t.Context(), users[0], "key", tweets.Draft{Text: "hello!"})
	domaintest.Refused(t, err, errs.IdempotencyKeyReused, "")
	_, _, err = d.Tweets.PostOnce(t.Context(), users[0], "key", tweets.Draft{Text: " "})
	domaintest.Refused(t, err, errs.Required, "text")
	if emitted := d.Emitted(); len(emitted) != 0 {
		t.Errorf("repeats emit %v", emitted)
	}
	if other, made := post(users[1], "key", "hello"); made == nil || other == first {
		t.Errorf("the key of another user posts %+v", made)
	}
	if other, made := post(users[0], "Key", "hello"); made == nil || other == first {
		t.Errorf("another key posts %+v", made)
	}
	// The repeat of a tweet that was deleted posts no other one.
	d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, users[0], first) })
	if id, made := post(users[0], "key", "hello"); id != first || made != nil {
		t.Errorf("after the deletion a repeat posts %+v and returns %d, want %d", made, id, first)
	}
	d.Clock.Add(2 * time.Second)
	again, made := post(users[0], "key", "another")
	if made == nil || again == first {
		t.Errorf("the next day the key posts %+v", made)
	}
	if id, made := post(users[0], "key", "another"); id != again || made != nil {
		t.Errorf("a repeat on the next day posts %+v and returns %d, want %d", made, id, again)
	}
	if n := len(posted(t, d)); n != 4 {
		t.Errorf("there are %d tweets, want 4", n)
	}
}

// A text that is refused, and a transaction that fails, do not use up the key.
func TestFailedPostsLeaveTheKey(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	user := d.Users(t, 1)[0]
	_, _, err := d.Tweets.PostOnce(t.Context(), user, "key", tweets.Draft{Text: ""})
	domaintest.Refused(t, err, errs.Required, "text")
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := d.Tweets.PostOnce(gone, user, "key", tweets.Draft{Text: "left"}); err == nil {
		t.Error("a caller who has left posts")
	}
	if _, made, err := d.Tweets.PostOnce(t.Context(), user, "key", tweets.Draft{Text: "hello"}); err != nil || made == nil {
		t.Errorf("after failures the key posts %+v, %v", made, err)
	}
}

// Calls at the same time post one tweet, those with another text are refused.
func TestPostOnceAtOnce(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	user := d.Users(t, 1)[0]
	// As on another node, the second has calls of its own that run.
	nodes := []*tweets.Tweets{d.Tweets, tweets.New(d.Client, d.DB, d.Log, ids.NewGenerator(d.Clock, idlease.New(d.DB)))}
	for _, key := range []string{"a", "b", "c"} {
		var mu sync.Mutex
		answers, refused := map[int64]int{}, 0
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				text := "hello"
				if i == 19 {
					text = "hello!"
				}
				id, _, err := nodes[i%2].PostOnce(t.Context(), user, key, tweets.Draft{Text: text})
				for errs.Is(err, errs.IdempotencyInProgress) { // on a slow machine
					id, _, err = nodes[i%2].PostOnce(t.Context(), user, key, tweets.Draft{Text: text})
				}
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errs.Is(err, errs.IdempotencyKeyReused):
					refused++
				case err != nil:
					t.Error(err)
				default:
					answers[id]++
				}
			})
		}
		all.Wait()
		if len(answers) != 1 || refused != 1 && refused != 19 {
			t.Errorf("20 calls with a key return %v, %d are refused", answers, refused)
		}
	}
	if texts := posted(t, d); len(texts) != 3 {
		t.Errorf("3 keys posted %q", texts)
	}
}

// Keys are removed a day after their tweets, in batches; tweets stay.
func TestKeyCleaner(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	user := d.Users(t, 1)[0]
	for _, key := range []string{"a", "b"} {
		d.Do(t, func(ctx context.Context) error {
			_, _, err := d.Tweets.PostOnce(ctx, user, key, tweets.Draft{Text: key})
			return err
		})
	}
	d.Clock.Add(tweets.KeyLifetime)
	d.Do(t, func(ctx context.Context) error {
		_, _, err := d.Tweets.PostOnce(ctx, user, "c", tweets.Draft{Text: "c"})
		return err
	})
	cleaner := tweets.NewKeyCleaner(d.Tweets)
	for i, step := range []struct {
		after time.Duration
		want  int
	}{{0, 0}, {time.Second, 2}, {0, 0}, {tweets.KeyLifetime, 1}} {
		d.Clock.Add(step.after)
		if n, err := cleaner.Clean(t.Context()); err != nil || n != step.want {
			t.Errorf("step %d removes %d keys, %v, want %d", i, n, err, step.want)
		}
	}
	if left, err := d.Client.IdempotencyKey.Query().Count(t.Context()); err != nil || left != 0 || len(posted(t, d)) != 3 {
		t.Errorf("%d keys are left, %v, and the tweets %q", left, err, posted(t, d))
	}
}
