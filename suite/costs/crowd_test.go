package costs

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/domain/search"
	"roost/domain/tweets"
	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// crowd is a world of a viewer and three rings of users. The viewer is followed by all of ring a and
// follows all of ring c, more than a page of 50 each; b follows a, a follows c, c follows b. So lists
// beside or inside of each other have no users in common: loaders ask for what they have not got yet,
// and where lists overlap the number of statements would depend on which came first. Each of ring a
// has retweeted two tweets of ring c.
type crowd struct {
	*apitest.Roost
	db      *sqldb.DB
	viewer  *apitest.User
	a, b, c []int64
	tweets  []int64 // the viewer's, oldest first; older than those of the rings
	all     []int64 // all tweets, oldest first
	spare   atomic.Int64
	tagged  sync.Once
	born    time.Time
	rows    crowdRows
}

type crowdRows struct{ users, names, mails, follows, stats, tweets, reactions, retweets, counts [][]any }

const (
	ringSize    = 52
	ringFollows = 5
	ringTweets  = 4
	ownTweets   = 53
)

// newCrowd writes the world's rows with SQL, all but the viewer's account.
func newCrowd(t testing.TB, r *apitest.Roost) *crowd {
	t.Helper()
	w := &crowd{Roost: r, db: r.DB(t), viewer: r.SignUp(t, "viewer"), born: time.Now()}
	viewer := []int64{rig.UserID(t, w.viewer.ID)}
	w.a, w.b, w.c = w.ring("a"), w.ring("b"), w.ring("c")
	w.tweets = w.tweeting(viewer[0], viewer, ownTweets, ownTweets)
	for _, ring := range [][]int64{w.a, w.b} {
		w.tweeting(viewer[0], ring, ringTweets, 0)
	}
	passedOn := w.tweeting(viewer[0], w.c, ringTweets, ringTweets-1)
	w.following(w.b, w.a)
	w.following(w.a, w.c)
	w.following(w.c, w.b)
	for i := range ringSize {
		w.retweet(w.tweets[0], viewer[0], w.a[i])
		w.retweet(passedOn[ringTweets*i], w.c[i], w.a[i])
		w.retweet(passedOn[ringTweets*i+1], w.c[i], w.a[i])
		w.follow(w.a[i], viewer[0])
		w.follow(viewer[0], w.c[i])
	}
	w.insert(t, "users (id, username, name, bio, email, session_policy, created_at, version)", w.rows.users)
	w.insert(t, "username_claims (name, user_id, version)", w.rows.names)
	w.insert(t, "email_claims (email, user_id, version)", w.rows.mails)
	w.insert(t, "follows (follower_id, followee_id, active, sort_key, followed_at, version)", w.rows.follows)
	w.insert(t, "user_stats (user_id, tweet_count, follower_count, following_count, version)", w.rows.stats)
	w.insert(t, "tweets (id, author_id, text, created_at, version)", w.rows.tweets)
	w.insert(t, "reactions (tweet_id, user_id, kind, prev, reacted_at, version)", w.rows.reactions)
	w.insert(t, "retweets "+retweetColumns, w.rows.retweets)
	w.insert(t, "tweet_stats (tweet_id, like_count, dislike_count, revision, retweet_count)", w.rows.counts)
	index := search.New(w.db, events.New(ent.NewClient(ent.Driver(w.db.Driver)), clock.Real{}), clock.Real{}, search.Config{})
	if _, err := index.Rebuild(t.Context(), false, nil); err != nil {
		t.Fatal(err)
	}
	return w
}

// nextID is an id of an hour ago and of a node number that no node has, above those before.
func (w *crowd) nextID() int64 {
	return ids.Compose(ids.Millis(w.born.Add(-time.Hour))+w.spare.Add(1), ids.ImportNode, 0)
}

// earlierID is an id below every one of nextID.
func (w *crowd) earlierID() int64 {
	return ids.Compose(ids.Millis(w.born.Add(-time.Hour))-w.spare.Add(1), ids.ImportNode, 0)
}

func (w *crowd) ring(name string) (ring []int64) {
	for i := range ringSize {
		id, name := w.nextID(), fmt.Sprintf("%s%d", name, i)
		ring = append(ring, id)
		w.rows.users = append(w.rows.users, []any{id, name, name, "", name + "@example.com", "MULTI_DEVICE", ids.Time(id), 1})
		w.rows.names = append(w.rows.names, []any{name, id, 1})
		w.rows.mails = append(w.rows.mails, []any{name + "@example.com", id, 1})
	}
	return ring
}

// tweeting makes tweets of authors, of which the viewer likes some of each. The viewer likes no more than a list of reactions has.
func (w *crowd) tweeting(viewer int64, authors []int64, each, liked int) (tweets []int64) {
	for _, author := range authors {
		for i := range each {
			id := w.nextID()
			tweets = append(tweets, id)
			w.rows.tweets = append(w.rows.tweets, []any{id, author, textWithEntities(i), ids.Time(id), 1})
			w.all = append(w.all, id)
			if i < liked {
				w.rows.reactions = append(w.rows.reactions, []any{id, viewer, 1, 0, ids.Time(id), 1})
			}
			w.rows.counts = append(w.rows.counts, []any{id, 1, 0, 1, 0})
		}
		w.rows.stats = append(w.rows.stats, []any{author, each, ringFollows, ringFollows, 1})
	}
	return tweets
}

// textWithEntities mentions somebody of ring a, and links and a hashtag come with it.
func textWithEntities(i int) string {
	return fmt.Sprintf("tweet %d for @a%d and @nobody%d #roost #n%d example.com/%d", i, i%ringSize, i, i, i)
}

// tag stores the hashtag #roost of the tweets that operations read, all spelled alike. Crowds may share tweets.
func (w *crowd) tag(t testing.TB) {
	t.Helper()
	w.tagged.Do(func() {
		for _, id := range w.tweets {
			_, err := w.db.Writer().ExecContext(t.Context(), `INSERT INTO tweet_hashtags (hashtag_id, tweet_id, name) VALUES ($1, $2, 'roost')
				ON CONFLICT DO NOTHING`, tweets.HashtagID("roost"), id)
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func (w *crowd) follow(follower, followee int64) {
	sortKey := w.nextID()
	w.rows.follows = append(w.rows.follows, []any{follower, followee, true, sortKey, ids.Time(sortKey), 1})
}

const retweetColumns = "(tweet_id, user_id, author_id, active, sort_key, retweeted_at, version)"

// retweet makes a user retweet a tweet. It does not count the retweet.
func (w *crowd) retweet(tweet, author, user int64) {
	sortKey := w.nextID()
	w.rows.retweets = append(w.rows.retweets, []any{tweet, user, author, true, sortKey, ids.Time(sortKey), 1})
}

// following makes each of one ring follow the same few of another.
func (w *crowd) following(ring, other []int64) {
	for i, u := range ring {
		for n := range ringFollows {
			w.follow(u, other[(i+n)%ringSize])
		}
	}
}

// member signs up one more user, who like the viewer is followed by a and follows c, for longer than
// anybody else, and who has n sessions besides.
func (w *crowd) member(t testing.TB, sessions int) *apitest.User {
	t.Helper()
	u := w.SignUp(t, "member")
	var follows [][]any
	for i := range ringSize {
		back, there := w.earlierID(), w.earlierID()
		follows = append(follows, []any{w.a[i], rig.UserID(t, u.ID), true, back, ids.Time(back), 1},
			[]any{rig.UserID(t, u.ID), w.c[i], true, there, ids.Time(there), 1})
	}
	w.insert(t, "follows (follower_id, followee_id, active, sort_key, followed_at, version)", follows)
	w.sessions(t, u, sessions)
	return u
}

// reading has a user follow all of ring a. The newest entries of the home timeline are retweets then, more than are looked at at first
// for a page. In an imported crowd, which has no such retweets, the user also follows somebody who has just made them.
func (w *crowd) reading(t testing.TB, u *apitest.User) *apitest.User {
	t.Helper()
	followed := w.a
	if len(w.all) == 0 {
		followed = append([]int64{w.passingOn(t)}, w.a...)
	}
	var follows [][]any
	for _, a := range followed {
		at := w.earlierID()
		follows = append(follows, []any{rig.UserID(t, u.ID), a, true, at, ids.Time(at), 1})
	}
	w.insert(t, "follows (follower_id, followee_id, active, sort_key, followed_at, version)", follows)
	w.insert(t, "user_stats (user_id, tweet_count, follower_count, following_count, version)",
		[][]any{{rig.UserID(t, u.ID), 0, 0, len(follows), 1}})
	return u
}

// passingOn returns a new user who has retweeted tweets of users outside ring a, two for each of its members.
func (w *crowd) passingOn(t testing.TB) int64 {
	t.Helper()
	user := rig.UserID(t, w.SignUp(t, "passing").ID)
	rows, err := w.db.Writer().QueryContext(t.Context(), fmt.Sprintf(`SELECT id, author_id FROM tweets
		WHERE deleted_at IS NULL AND NOT (%s) ORDER BY id LIMIT %d`, w.db.Member("author_id", "$1"), 2*ringSize), w.db.List(w.a))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var retweets [][]any
	newest := ids.Millis(time.Now()) - 2*ringSize // operations may have written tweets since the crowd was born
	for rows.Next() {
		var id, author int64
		if err := rows.Scan(&id, &author); err != nil {
			t.Fatal(err)
		}
		sortKey := ids.Compose(newest+int64(len(retweets)), ids.ImportNode, 0)
		retweets = append(retweets, []any{id, user, author, true, sortKey, ids.Time(sortKey), 1})
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	w.insert(t, "retweets "+retweetColumns, retweets)
	if _, err := w.db.Writer().ExecContext(t.Context(), `INSERT INTO user_stats (user_id, tweet_count, follower_count, following_count,
		version) VALUES ($1, 0, 0, 0, 2) ON CONFLICT DO NOTHING`, user); err != nil { // in SQLite a trigger has made it
		t.Fatal(err)
	}
	return user
}

// liking has a user like all tweets of the crowd, which are more than a list of reactions has.
func (w *crowd) liking(t testing.TB, u *apitest.User) *apitest.User {
	t.Helper()
	var likes [][]any
	for _, id := range w.all {
		likes = append(likes, []any{id, rig.UserID(t, u.ID), 1, 0, ids.Time(id), 1})
	}
	w.insert(t, "reactions (tweet_id, user_id, kind, prev, reacted_at, version)", likes)
	return u
}

// retweeting has a user retweet all tweets of the crowd, which are more than a list of retweets has. Of an imported crowd these are the
// tweets that operations read.
func (w *crowd) retweeting(t testing.TB, u *apitest.User) *apitest.User {
	t.Helper()
	all := w.all
	if len(all) == 0 {
		all = w.tweets
	}
	u.Must(t, "mutation($id: ID!) { retweet(input: {tweetId: $id}) { tweet { id } } }", apitest.Vars{"id": ids.TweetID(all[0]).String()})
	var rows [][]any
	for _, id := range all[1:] {
		sortKey := w.nextID()
		rows = append(rows, []any{id, rig.UserID(t, u.ID), 1, true, sortKey, ids.Time(sortKey), 1})
	}
	w.insert(t, "retweets "+retweetColumns, rows)
	return u
}

// sessions starts n more sessions of a user, and returns the global id of the last.
func (w *crowd) sessions(t testing.TB, u *apitest.User, n int) (last string) {
	t.Helper()
	var rows [][]any
	now := time.Now().UTC().Truncate(time.Microsecond)
	for range n {
		id := w.nextID()
		rows = append(rows, []any{id, rig.UserID(t, u.ID), []byte("no key has this hash"), now, now.Add(time.Hour), now, 1})
		last = ids.SessionID{User: rig.UserID(t, u.ID), ID: id}.String()
	}
	w.insert(t, "sessions (id, user_id, key_hash, created_at, expires_at, last_used_at, version)", rows)
	return last
}

// insert writes rows into a table, given with its columns.
func (w *crowd) insert(t testing.TB, into string, rows [][]any) {
	t.Helper()
	rig.Insert(t, w.db, into, rows)
}

// globals are the global ids of the first n of the tweets or users.
func globals(kind ids.Kind, all []int64, n int) []string {
	out := make([]string, 0, n)
	for _, id := range all[:n] {
		out = append(out, ids.Encode(kind, id))
	}
	return out
}
