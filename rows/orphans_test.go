package rows

import (
	"fmt"
	"slices"
	"testing"

	"roost/events"
	"roost/internal/cursors"
	"roost/internal/ids"
)

// Lists of authors from which a parent is missing, however often they are read, show no reply without it: the page comes from one
// statement. A reply whose parent was deleted is shown.
func TestListsWithoutTheParentOfAReply(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		nodes, all := r.nodes(t, true), r.authors(t, 3)
		viewer, parent, replier := all[0], all[1], all[2]
		page := func(want ...int64) {
			t.Helper()
			for i, n := range nodes {
				got, _, err := n.homePage(t.Context(), viewer, cursors.Whole(20))
				if err != nil || !slices.Equal(itemsOf(got), want) {
					t.Errorf("node %d has %v, %v, want %v", i, itemsOf(got), err, want)
				}
			}
		}
		for _, u := range []int64{parent, replier} {
			if err := nodes[0].follows.Follow(t.Context(), viewer, u); err != nil {
				t.Fatal(err)
			}
		}
		first, err := nodes[0].tweets.Post(t.Context(), parent, "first")
		if err != nil {
			t.Fatal(err)
		}
		page(int64(first.ID)) // the lists are cached now
		// A tweet and its reply, of which only the lists of who replies are invalidated, as if another node had not got there yet.
		tweet, reply := int64(first.ID)+1<<30, int64(first.ID)+2<<30
		write := func(id, author int64, parentID, parentAuthor any) {
			t.Helper()
			if _, err := r.db.Writer().ExecContext(t.Context(), fmt.Sprintf(`INSERT INTO tweets
				(id, author_id, text, created_at, version, in_reply_to, parent_author_id) VALUES (%d, %d, 'hello', $1, 1, $2, $3)`, id, author),
				ids.Time(id), parentID, parentAuthor); err != nil {
				t.Fatal(err)
			}
		}
		write(tweet, parent, nil, nil)
		write(reply, replier, tweet, parent)
		if _, err := r.db.Writer().ExecContext(t.Context(), `INSERT INTO user_stats (user_id, tweet_count, follower_count, following_count,
			version) VALUES ($1, 1, 1, 0, 9) ON CONFLICT (user_id) DO UPDATE SET version = 9`, replier); err != nil {
			t.Fatal(err)
		}
		before := pagesFrom(t, nodes[0].store, "missing_lists")
		for _, n := range nodes {
			posted := events.TweetPosted{TweetID: reply, AuthorID: replier, AuthorVersion: 9}
			if err := n.store.Invalidate(t.Context(), []events.Event{posted}); err != nil {
				t.Fatal(err)
			}
		}
		page(reply, tweet, int64(first.ID))
		if n := pagesFrom(t, nodes[0].store, "missing_lists"); n == before {
			t.Error("the page did not come from SQL")
		}
		if err := nodes[0].tweets.Delete(t.Context(), parent, tweet); err != nil {
			t.Fatal(err)
		}
		page(reply, int64(first.ID))
	})
}
