package tweets_test

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/events"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/testkit/domaintest"
)

// reply posts a reply and returns its id.
func reply(t *testing.T, d *domaintest.Domain, author, parent int64) int64 {
	t.Helper()
	made, err := d.Tweets.PostDraft(t.Context(), author, tweets.Draft{Text: "I answer", InReplyTo: parent})
	if err != nil {
		t.Fatal(err)
	}
	return int64(made.ID)
}

func replyCount(t *testing.T, d *domaintest.Domain, tweet int64) int32 {
	t.Helper()
	all, err := d.Reactions.CountsOf(t.Context(), []int64{tweet})
	if err != nil {
		t.Fatal(err)
	}
	if all[tweet] == nil {
		return 0
	}
	return all[tweet].ReplyCount
}

// A reply is counted at its parent as long as it is there, and only what is visible can be answered.
func TestReplies(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	parent := d.Post(t, users[0], "who answers?")
	d.Emitted()
	answer := reply(t, d, users[1], parent)
	if got := d.Emitted(); len(got) != 2 ||
		!reflect.DeepEqual(got[1], events.TweetPosted{TweetID: answer, AuthorID: users[1], AuthorVersion: 1, InReplyTo: parent,
			ParentAuthorID: users[0]}) {
		t.Errorf("a reply emits %+v", got)
	}
	if n := replyCount(t, d, parent); n != 1 {
		t.Errorf("one reply is counted as %d", n)
	}
	found, err := d.Tweets.ByID(t.Context(), []int64{answer, parent})
	if err != nil || found[answer].InReplyTo != parent || found[answer].ParentAuthorID != users[0] || found[parent].InReplyTo != 0 {
		t.Errorf("the rows are %+v and %+v, %v", found[answer], found[parent], err)
	}
	for range 2 { // deleting again changes nothing
		d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, users[1], answer) })
		if n := replyCount(t, d, parent); n != 0 {
			t.Errorf("a deleted reply is counted as %d", n)
		}
	}
	for _, missing := range []int64{answer, 7, -1} {
		_, err := d.Tweets.PostDraft(t.Context(), users[0], tweets.Draft{Text: "too late", InReplyTo: missing})
		domaintest.Refused(t, err, errs.NotFound, "inReplyTo")
	}
}

// pages walks through the replies to a tweet, two at a time.
func pages(t *testing.T, d *domaintest.Domain, viewer, tweet int64, order tweets.Order) (all []int64) {
	t.Helper()
	w := cursors.Whole(2)
	for {
		k := sqldb.Key{Owner: tweet, Window: w, Kinds: uint8(order)}
		got, err := d.Tweets.Replies(t.Context(), viewer, []sqldb.Key{k})
		if err != nil {
			t.Fatal(err)
		}
		page := got[k]
		for _, e := range page.Items {
			all = append(all, e.Item)
		}
		if !page.More {
			return all
		}
		w.Above = page.Items[len(page.Items)-1].SortKey
	}
}

func TestOrdersOfReplies(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 4)
	author, viewer, friend, stranger := users[0], users[1], users[2], users[3]
	tweet := d.Post(t, author, "who answers?")
	if got := pages(t, d, viewer, tweet, tweets.Relevant); got != nil {
		t.Errorf("the replies of no one are %v", got)
	}
	plain := reply(t, d, stranger, tweet)
	liked := reply(t, d, stranger, tweet)
	byFriend := reply(t, d, friend, tweet)
	byAuthor := reply(t, d, author, tweet)
	last := reply(t, d, stranger, tweet)
	gone := reply(t, d, stranger, tweet)
	d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, stranger, gone) },
		func(ctx context.Context) error { return d.Follows.Follow(ctx, viewer, friend) },
		func(ctx context.Context) error {
			_, err := d.Reactions.Set(ctx, friend, liked, reactions.Like)
			return err
		},
		func(ctx context.Context) error {
			_, err := d.DB.Writer().ExecContext(ctx, "INSERT INTO tweet_stats (tweet_id, like_count) VALUES ($1, 1)", liked)
			return err
		})
	for order, want := range map[tweets.Order][]int64{
		tweets.Newest:   {last, byAuthor, byFriend, liked, plain},
		tweets.Oldest:   {plain, liked, byFriend, byAuthor, last},
		tweets.Relevant: {byAuthor, byFriend, liked, last, plain},
	} {
		if got := pages(t, d, viewer, tweet, order); !slices.Equal(got, want) {
			t.Errorf("in order %d the replies are %v, want %v", order, got, want)
		}
	}
	if got := pages(t, d, 0, tweet, tweets.Relevant); !slices.Equal(got, []int64{byAuthor, liked, last, byFriend, plain}) {
		t.Errorf("for nobody the relevant replies are %v", got)
	}
}

func TestAncestors(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	user := d.Users(t, 1)[0]
	chain := []int64{d.Post(t, user, "first")}
	for range tweets.MaxAncestors + 3 {
		chain = append(chain, reply(t, d, user, chain[len(chain)-1]))
	}
	last := len(chain) - 1
	d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, user, chain[last-2]) })
	above, err := d.Tweets.Ancestors(t.Context(), []int64{chain[last], chain[1], chain[0]})
	want := slices.Delete(slices.Clone(chain[last-tweets.MaxAncestors:last]), tweets.MaxAncestors-2, tweets.MaxAncestors-1)
	if err != nil || !slices.Equal(above[chain[last]], want) || !slices.Equal(above[chain[1]], chain[:1]) || above[chain[0]] != nil {
		t.Errorf("above are %v, %v", above, err)
	}
}
