package tweets

import (
	"context"
	"fmt"
	"math"
	"slices"

	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// Order is the order of the replies to a tweet; sqldb.Key.Kinds is one.
type Order uint8

// The orders.
const (
	// Newest and Oldest are by the time of the replies.
	Newest Order = iota
	Oldest
	// Relevant has the replies of the tweet's author and of users whom the viewer follows first. Of each part the most liked come first, and
	// of equally liked ones the newest. Ranks change all the time, so pages may repeat replies.
	Relevant
)

// ofTweets are the replies to tweets, the newest first.
var ofTweets = sqldb.Lists{Table: "tweets", Owner: "in_reply_to", SortKey: "id", Item: "id",
	Where: VisibleSQL + " AND in_reply_to IS NOT NULL"}

// Replies reads pages of the replies to tweets for a viewer; 0 is nobody. It takes one statement for each order, page size and direction
// among the keys, and for Relevant one for each place at which a page begins.
func (t *Tweets) Replies(ctx context.Context, viewer int64, keys []sqldb.Key) (map[sqldb.Key]cursors.Page[sqldb.Row], error) {
	out := make(map[sqldb.Key]cursors.Page[sqldb.Row], len(keys))
	var byTime []sqldb.Key // of the newest first
	ranked := map[rankedPage][]sqldb.Key{}
	for _, k := range keys {
		switch Order(k.Kinds) {
		case Relevant:
			ranked[rankedPageOf(k.Window)] = append(ranked[rankedPageOf(k.Window)], k)
		case Oldest:
			k.Window = mirrored(k.Window)
			byTime = append(byTime, k)
		default:
			byTime = append(byTime, k)
		}
	}
	pages, err := ofTweets.Pages(ctx, t.db.Driver, byTime)
	if err != nil {
		return nil, err
	}
	for k, page := range pages {
		if Order(k.Kinds) == Oldest {
			k.Window = mirrored(k.Window)
			slices.Reverse(page.Items)
			for i := range page.Items {
				page.Items[i].SortKey = math.MaxInt64 - page.Items[i].SortKey
			}
		}
		out[k] = page
	}
	for p, some := range ranked {
		if err := t.readRanked(ctx, viewer, p, some, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// mirrored is the same part of a list in the opposite order, whose sort keys are the others taken from math.MaxInt64. Mirroring twice
// changes nothing.
func mirrored(w cursors.Window) cursors.Window {
	return cursors.Window{Size: w.Size, Above: math.MaxInt64 - w.Below, Below: math.MaxInt64 - w.Above, Backward: !w.Backward}
}

// rankedPage is a page of relevant replies. The sort key of the reply at a place, from 1 on, is the place taken from math.MaxInt64.
type rankedPage struct{ skip, size int64 }

func rankedPageOf(w cursors.Window) rankedPage {
	if w.Backward { // what is before a page
		before := math.MaxInt64 - w.Below - 1
		size := min(int64(w.Size), max(before, 0))
		return rankedPage{max(before, 0) - size, size}
	}
	return rankedPage{math.MaxInt64 - w.Above, int64(w.Size)}
}

// readRanked reads pages of relevant replies that begin at the same place. It sorts all replies of each tweet. The condition of VisibleSQL
// has another form, for which PostgreSQL uses no index of all visible tweets.
func (t *Tweets) readRanked(ctx context.Context, viewer int64, p rankedPage, keys []sqldb.Key, to map[sqldb.Key]cursors.Page[sqldb.Row],
) error {
	parents := make([]int64, len(keys))
	for i, k := range keys {
		parents[i] = k.Owner
	}
	type row struct{ parent, reply, place int64 }
	rows, err := sqldb.ScanAll(ctx, t.db, `SELECT parent, reply, place FROM (
			SELECT r.in_reply_to AS parent, r.id AS reply, row_number() OVER (PARTITION BY r.in_reply_to ORDER BY
				CASE WHEN r.author_id = r.parent_author_id OR EXISTS (SELECT 1 FROM follows AS f
					WHERE f.follower_id = $2 AND f.followee_id = r.author_id AND f.active) THEN 0 ELSE 1 END,
				coalesce(s.like_count, 0) DESC, r.id DESC) AS place
			FROM tweets AS r LEFT JOIN tweet_stats AS s ON s.tweet_id = r.id
			WHERE `+t.db.Member("r.in_reply_to", "$1")+` AND r.in_reply_to IS NOT NULL
				AND coalesce(r.deleted_at, 'infinity') = 'infinity') AS ranked
		WHERE place > $3 AND place <= $4 ORDER BY place`,
		[]any{t.db.List(parents), viewer, p.skip, p.skip + p.size + 1},
		func(r *row) []any { return []any{&r.parent, &r.reply, &r.place} })
	if err != nil {
		return fmt.Errorf("read relevant replies: %w", err)
	}
	for _, k := range keys {
		var page cursors.Page[sqldb.Row]
		for _, r := range rows {
			if r.parent == k.Owner {
				page.Items = append(page.Items, sqldb.Row{SortKey: math.MaxInt64 - r.place, Item: r.reply})
			}
		}
		if page.More = int64(len(page.Items)) > p.size; page.More {
			page.Items = page.Items[:p.size]
		}
		to[k] = page
	}
	return nil
}

// MaxAncestors is how many ancestors of a tweet are read.
const MaxAncestors = 50

// Ancestors returns the chains of tweets above some tweets, each from the start of the conversation down: the nearest MaxAncestors, without
// those that are not visible. It is one statement. Tweets that answer nobody are left out.
func (t *Tweets) Ancestors(ctx context.Context, tweetIDs []int64) (map[int64][]int64, error) {
	type row struct{ of, id int64 }
	rows, err := sqldb.ScanAll(ctx, t.db, fmt.Sprintf(`WITH RECURSIVE up(start, id, n) AS (
			SELECT id, in_reply_to, 1 FROM tweets WHERE %s
			UNION ALL SELECT start, (SELECT t.in_reply_to FROM tweets AS t WHERE t.id = up.id), n + 1 FROM up
			WHERE id IS NOT NULL AND n < %d)
		SELECT start, id FROM up WHERE id IS NOT NULL AND %s ORDER BY n DESC`, t.db.Member("id", "$1"), MaxAncestors, VisibleByID("up.id")),
		[]any{t.db.List(tweetIDs)}, func(r *row) []any { return []any{&r.of, &r.id} })
	if err != nil {
		return nil, fmt.Errorf("read the ancestors of tweets: %w", err)
	}
	out := map[int64][]int64{}
	for _, r := range rows {
		out[r.of] = append(out[r.of], r.id)
	}
	return out, nil
}
