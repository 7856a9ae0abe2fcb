package reactions

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"roost/domain/tweets"
	"roost/events"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// Now is what a write has seen of the tweet whose reactions it has changed. What is nil must be read.
type Now struct {
	// Counts include the change. They are nil if nothing has changed, or if they could not be read.
	Counts *Counts
	// Tweet is nil if nothing has changed.
	Tweet *tweets.Tweet
}

// Set sets the user's reaction to a tweet and returns the tweet and its counts, which include the reaction. It is set in one transaction
// with others that come at the same time, and Set returns after the commit. Setting the same reaction again changes nothing. For a tweet
// that is not visible the field "tweet" is refused with NOT_FOUND. An error of kind errs.Unavailable, such as for a commit whose outcome is
// unknown, may be tried again. Two calls at the same time for one user and tweet take effect in the order in which they came.
func (r *Reactions) Set(ctx context.Context, userID, tweetID int64, kind Kind) (Now, error) {
	return r.combiner.set(ctx, Key{TweetID: tweetID, UserID: userID}, kind)
}

// commit sets the reactions of a batch, with one transaction if all goes well. It calls committed after that transaction's commit.
func (r *Reactions) commit(ctx context.Context, batch []*setting, committed func()) {
	unchanged, err := r.write(ctx, batch, committed)
	switch {
	case err == nil && (len(unchanged) == 0 || len(unchanged) == len(batch)):
	case err == nil:
		// In a transaction of their own, so that they fail when earlier writes cannot be shown.
		r.commit(ctx, unchanged, func() {})
	case len(batch) > 1 && errs.KindOf(err) != errs.Unavailable && ctx.Err() == nil:
		// Nothing was committed, and one of them may be the reason: the others must not fail with it.
		for i := range batch {
			r.commit(ctx, batch[i:i+1], func() {})
		}
	default:
		for _, s := range batch {
			s.err = err
		}
	}
}

// write sets reactions in one transaction, and returns those that it has left as they were. If it has changed none, it shows what earlier
// transactions have written, and refuses reactions to tweets that are not visible.
func (r *Reactions) write(ctx context.Context, batch []*setting, committed func()) (unchanged []*setting, err error) {
	var last *events.Tx
	var changes map[Key]written
	err = r.log.Write(ctx, func(ctx context.Context, tx *events.Tx) (err error) {
		last, unchanged = tx, nil
		if changes, err = r.change(ctx, tx, batch); err != nil {
			return fmt.Errorf("set reactions: %w", err)
		}
		for _, s := range batch {
			if _, ok := changes[s.Key]; !ok {
				unchanged = append(unchanged, s)
			}
		}
		if len(changes) == 0 {
			return r.alreadySet(ctx, tx, unchanged)
		}
		for _, e := range changed(batch, changes) {
			tx.Emit(e)
		}
		tx.AfterCommit(committed)
		return nil
	})
	if err != nil || len(changes) == 0 {
		return unchanged, err
	}
	r.stats.transactions.Add(1)
	r.stats.changes.Add(int64(len(changes)))
	hot := make([]int64, 0, len(changes))
	for _, s := range batch {
		w, ok := changes[s.Key]
		if !ok {
			continue
		}
		s.now.Tweet = w.tweet
		hot = append(hot, s.TweetID)
		if c := last.Counts(s.TweetID); c != nil {
			s.now.Counts = CountsFrom(s.TweetID, *c)
		}
	}
	r.heat.Add(1, hot...)
	return unchanged, nil
}

// changed returns an event for each tweet with changes, in the order of the batch.
func changed(batch []*setting, changes map[Key]written) []events.Event {
	var all []events.ReactionsChanged
	at := map[int64]int{}
	for _, s := range batch {
		c, ok := changes[s.Key]
		if !ok {
			continue
		}
		i, ok := at[s.TweetID]
		if !ok {
			i = len(all)
			at[s.TweetID], all = i, append(all, events.ReactionsChanged{TweetID: s.TweetID})
		}
		likes, dislikes := change(Kind(c.Prev), Kind(c.Kind))
		all[i].LikesAdded += likes
		all[i].DislikesAdded += dislikes
		all[i].Changes = append(all[i].Changes, c.ReactionChange)
	}
	out := make([]events.Event, len(all))
	for i, e := range all {
		out[i] = e
	}
	return out
}

// alreadySet shows reactions that were set before, and refuses those to tweets that are not visible.
func (r *Reactions) alreadySet(ctx context.Context, tx *events.Tx, all []*setting) error {
	ids := make([]int64, len(all))
	for i, s := range all {
		ids[i], s.err = s.TweetID, nil
	}
	visible, err := sqldb.ScanAll(ctx, tx.Client(), "SELECT a.id FROM "+r.db.Rows("$1", "a")+" WHERE "+tweets.VisibleByID("a.id"),
		[]any{r.db.List(ids)}, sqldb.Column[int64])
	if err != nil {
		return fmt.Errorf("look up tweets: %w", err)
	}
	for _, s := range all {
		if !slices.Contains(visible, s.TweetID) {
			s.err = tweets.NoSuchTweet()
			continue
		}
		tx.AlreadyDone(events.ReactionsChanged{TweetID: s.TweetID, Changes: []events.ReactionChange{{UserID: s.UserID}}})
	}
	return nil
}

// change writes the reactions of a batch, the versions of their users' lists and a delta for each tweet. It returns what has changed. It
// writes no row that two users share. Writers lock reactions in the order of their keys and then lists in the order of users,
// so that no two of them can deadlock.
func (r *Reactions) change(ctx context.Context, tx *events.Tx, batch []*setting) (map[Key]written, error) {
	ordered := slices.SortedFunc(slices.Values(batch), func(a, b *setting) int {
		return cmp.Or(cmp.Compare(a.TweetID, b.TweetID), cmp.Compare(a.UserID, b.UserID))
	})
	if !r.db.IsPostgres() {
		return changeOneByOne(ctx, tx, ordered)
	}
	tweetIDs, users, kinds := make([]int64, len(ordered)), make([]int64, len(ordered)), make([]int64, len(ordered))
	for i, s := range ordered {
		tweetIDs[i], users[i], kinds[i] = s.TweetID, s.UserID, int64(s.kind)
	}
	return scanChanges(ctx, tx, changeSQL, pq.Array(tweetIDs), pq.Array(users), pq.Array(kinds), tx.Now)
}

// changeSQL sets many reactions in one statement of PostgreSQL. None is not inserted: where there is no row, there is nothing to take back.
// The lists are subqueries, so that PostgreSQL keeps one plan for all lengths: it would plan each call anew for short ones, which takes
// longer than to run it.
var changeSQL = `WITH asked AS (
		SELECT a.tweet_id, a.user_id, a.kind
		FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::bigint[])) AS a(tweet_id, user_id, kind)
		WHERE ` + tweets.VisibleByID("a.tweet_id") + ` AND (a.kind <> 0
			OR (SELECT true FROM reactions AS r WHERE r.tweet_id = a.tweet_id AND r.user_id = a.user_id))),
	changed AS (
		INSERT INTO reactions (tweet_id, user_id, kind, prev, reacted_at, version)
		SELECT tweet_id, user_id, kind, 0, $4::timestamptz, 1 FROM asked ORDER BY tweet_id, user_id
		ON CONFLICT (tweet_id, user_id) DO UPDATE SET prev = reactions.kind, kind = excluded.kind,
			reacted_at = excluded.reacted_at, version = reactions.version + 1
		WHERE reactions.kind IS DISTINCT FROM excluded.kind RETURNING tweet_id, user_id, kind, prev, version),
	raised AS (
		INSERT INTO reaction_lists (user_id, version) SELECT user_id, 1 + count(*) FROM changed GROUP BY user_id ORDER BY user_id
		ON CONFLICT (user_id) DO UPDATE SET version = reaction_lists.version + excluded.version - 1 RETURNING user_id, version),
	added AS (
		INSERT INTO reaction_deltas (tweet_id, likes, dislikes, changes)
		SELECT tweet_id, sum((kind = 1)::int - (prev = 1)::int), sum((kind = 2)::int - (prev = 2)::int), count(*)
		FROM changed GROUP BY tweet_id)
	SELECT c.tweet_id, c.user_id, c.kind, c.prev, c.version, r.version, t.author_id, t.text, t.created_at, t.version,
		coalesce(t.in_reply_to, 0), coalesce(t.parent_author_id, 0)
	FROM changed AS c JOIN raised AS r ON r.user_id = c.user_id
	LEFT JOIN LATERAL (SELECT author_id, text, created_at, version, in_reply_to, parent_author_id
		FROM tweets WHERE id = c.tweet_id LIMIT 1) AS t ON true`

// written is a changed reaction and the tweet, or nil.
type written struct {
	events.ReactionChange
	tweet *tweets.Tweet
}

// scanChanges runs a statement that returns changes.
func scanChanges(ctx context.Context, tx *events.Tx, query string, args ...any) (map[Key]written, error) {
	type row struct {
		events.ReactionChange
		tweet           int64
		parent, answers int64
		author, version sql.NullInt64
		text            sql.NullString
		at              sql.NullTime
	}
	rows, err := sqldb.ScanAll(ctx, tx.Client(), query, args, func(r *row) []any {
		return []any{&r.tweet, &r.UserID, &r.Kind, &r.Prev, &r.Version, &r.ListVersion, &r.author, &r.text, &r.at, &r.version,
			&r.answers, &r.parent}
	})
	if err != nil {
		return nil, err
	}
	changes := make(map[Key]written, len(rows))
	for _, r := range rows {
		w := written{ReactionChange: r.ReactionChange}
		if r.author.Valid {
			w.tweet = &tweets.Tweet{ID: ids.TweetID(r.tweet), AuthorID: r.author.Int64, Text: r.text.String, CreatedAt: r.at.Time.UTC(),
				Version: r.version.Int64, InReplyTo: r.answers, ParentAuthorID: r.parent}
		}
		changes[Key{TweetID: r.tweet, UserID: r.UserID}] = w
	}
	return changes, nil
}

// changeOneByOne is change for SQLite, whose statements write one table. A trigger raises the versions of lists. Each change has a delta of
// its own. The tweets are read in a further statement.
func changeOneByOne(ctx context.Context, tx *events.Tx, ordered []*setting) (map[Key]written, error) {
	all := map[Key]written{}
	for _, s := range ordered {
		query := `INSERT INTO reactions (tweet_id, user_id, kind, prev, reacted_at, version)
			SELECT id, $2, $3, 0, $4, 1 FROM tweets WHERE id = $1 AND ` + tweets.VisibleSQL + `
			ON CONFLICT (tweet_id, user_id) DO UPDATE SET prev = reactions.kind, kind = excluded.kind,
			reacted_at = excluded.reacted_at, version = reactions.version + 1
			WHERE reactions.kind IS NOT excluded.kind RETURNING tweet_id, user_id, kind, prev, version, 0, NULL, NULL, NULL, NULL, 0, 0`
		if s.kind == None {
			query = `UPDATE reactions SET prev = kind, kind = $3, reacted_at = $4, version = version + 1
				WHERE tweet_id = $1 AND user_id = $2 AND kind <> $3
				AND ` + tweets.VisibleByID("$1") + `
				RETURNING tweet_id, user_id, kind, prev, version, 0, NULL, NULL, NULL, NULL, 0, 0`
		}
		one, err := scanChanges(ctx, tx, query, s.TweetID, s.UserID, int64(s.kind), tx.Now)
		if err != nil {
			return nil, err
		}
		for key, c := range one {
			likes, dislikes := change(Kind(c.Prev), Kind(c.Kind))
			if err := sqldb.ScanOne(ctx, tx.Client(), `INSERT INTO reaction_deltas (tweet_id, likes, dislikes, changes)
				VALUES ($1, $2, $3, 1) RETURNING (SELECT version FROM reaction_lists WHERE user_id = $4)`,
				[]any{key.TweetID, likes, dislikes, key.UserID}, &c.ListVersion); err != nil {
				return nil, err
			}
			all[key] = c
		}
	}
	return all, addTweets(ctx, tx, all)
}

func addTweets(ctx context.Context, tx *events.Tx, all map[Key]written) error {
	if len(all) == 0 {
		return nil
	}
	tweetIDs := make([]int64, 0, len(all))
	for key := range all {
		tweetIDs = append(tweetIDs, key.TweetID)
	}
	found, err := tweets.Read(ctx, tx.Client(), tweetIDs)
	for key, w := range all {
		w.tweet = found[key.TweetID]
		all[key] = w
	}
	return err
}
