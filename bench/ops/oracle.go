package ops

import (
	"context"
	"database/sql"
	"time"

	"github.com/lib/pq"

	"roost/internal/cursors"
	"roost/internal/ids"
)

// The functions below ask SQL for answers, in the plainest way and one at a time. They share only the spelling of ids and cursors with
// the code that they check.

type object = map[string]any

// entry is a tweet in a timeline.
type entry struct {
	id, author int64
	text       string
	at         time.Time
}

const tweetColumns = `SELECT t.id, t.author_id, t.text, t.created_at FROM tweets t WHERE t.deleted_at IS NULL AND `

func entries(ctx context.Context, db *sql.DB, query string, args ...any) (out []entry, err error) {
	err = each(ctx, db, query, args, func(scan scan) error {
		var e entry
		err := scan(&e.id, &e.author, &e.text, &e.at)
		out = append(out, e)
		return err
	})
	return out, err
}

// homeOf returns the first page of the viewer's home timeline, and one entry more.
func homeOf(ctx context.Context, db *sql.DB, viewer int64) ([]entry, error) {
	return entries(ctx, db, tweetColumns+`(t.author_id = $1 OR EXISTS (SELECT 1 FROM follows f
		WHERE f.follower_id = $1 AND f.followee_id = t.author_id AND f.active)) ORDER BY t.id DESC LIMIT $2`, viewer, homePage+1)
}

func wantHome(ctx context.Context, db *sql.DB, viewer int64) (any, error) {
	all, err := homeOf(ctx, db, viewer)
	if err != nil {
		return nil, err
	}
	page := all[:min(homePage, len(all))]
	authors, err := usersOf(ctx, db, authorsOf(page))
	if err != nil {
		return nil, err
	}
	edges, err := edgesOf(ctx, db, viewer, cursors.Home, page)
	if err != nil {
		return nil, err
	}
	for i, e := range page {
		edges[i].(object)["node"].(object)["author"] = authors[e.author]
	}
	return object{"viewer": object{"homeTimeline": object{"edges": edges, "pageInfo": object{
		"hasNextPage": len(all) > homePage, "endCursor": cursors.Encode(cursors.Home, page[len(page)-1].id)}}}}, nil
}

// usersOf returns users as they are shown with tweets, by id.
func usersOf(ctx context.Context, db *sql.DB, users []int64) (map[int64]object, error) {
	out := map[int64]object{}
	return out, each(ctx, db, `SELECT id, username, name FROM users WHERE id = ANY($1)`, []any{pq.Array(users)}, func(scan scan) error {
		var id int64
		var username, name string
		err := scan(&id, &username, &name)
		out[id] = object{"id": ids.UserID(id).String(), "username": username, "name": name}
		return err
	})
}

func authorsOf(page []entry) (out []int64) {
	for _, e := range page {
		out = append(out, e.author)
	}
	return out
}

// edgesOf returns the edges of a page, without authors.
func edgesOf(ctx context.Context, db *sql.DB, viewer int64, kind cursors.Kind, page []entry) ([]any, error) {
	tweets := make([]int64, len(page))
	for i, e := range page {
		tweets[i] = e.id
	}
	summaries, err := summariesOf(ctx, db, viewer, tweets)
	if err != nil {
		return nil, err
	}
	edges := make([]any, len(page))
	for i, e := range page {
		edges[i] = object{"cursor": cursors.Encode(kind, e.id), "node": object{"id": ids.TweetID(e.id).String(), "text": e.text,
			"createdAt": e.at.UTC().Format("2006-01-02T15:04:05.000Z"), "reactions": summaries[i]}}
	}
	return edges, nil
}

// tweetCounts is SQL for the counts of all tweets: stored counts, and the deltas that Roost has not yet added to them. The baseline
// writes no deltas.
const tweetCounts = `(SELECT tweet_id, sum(like_count)::bigint AS like_count, sum(dislike_count)::bigint AS dislike_count,
	sum(revision)::bigint AS revision FROM (
		SELECT tweet_id, like_count, dislike_count, revision FROM tweet_stats
		UNION ALL SELECT tweet_id, likes, dislikes, changes FROM reaction_deltas) AS parts GROUP BY tweet_id)`

// summariesOf returns counts and the viewer's reactions, in the order of the tweets.
func summariesOf(ctx context.Context, db *sql.DB, viewer int64, tweets []int64) ([]any, error) {
	out := make([]any, len(tweets))
	for i, id := range tweets {
		var likes, dislikes, revision int64
		var kind string
		if err := db.QueryRowContext(ctx, `SELECT coalesce(s.like_count, 0), coalesce(s.dislike_count, 0), coalesce(s.revision, 0),
			CASE r.kind WHEN 1 THEN 'LIKE' WHEN 2 THEN 'DISLIKE' ELSE 'NONE' END
			FROM tweets t LEFT JOIN `+tweetCounts+` AS s ON s.tweet_id = t.id LEFT JOIN reactions r ON r.tweet_id = t.id AND r.user_id = $2
			WHERE t.id = $1`, id, viewer).Scan(&likes, &dislikes, &revision, &kind); err != nil {
			return nil, err
		}
		out[i] = object{"likeCount": likes, "dislikeCount": dislikes, "revision": revision, "viewerReaction": kind}
	}
	return out, nil
}

func wantSummaries(ctx context.Context, db *sql.DB, viewer int64, tweets []int64) (any, error) {
	all, err := summariesOf(ctx, db, viewer, tweets)
	return object{"reactionSummaries": all}, err
}

func wantProfile(ctx context.Context, db *sql.DB, viewer int64, username string) (any, error) {
	var id, tweets, followers, following int64
	var name, bio string
	var follows bool
	if err := db.QueryRowContext(ctx, `SELECT u.id, u.name, u.bio, s.tweet_count, s.follower_count, s.following_count,
		EXISTS (SELECT 1 FROM follows f WHERE f.follower_id = $2 AND f.followee_id = u.id AND f.active)
		FROM users u JOIN user_stats s ON s.user_id = u.id WHERE u.username = $1`, username, viewer).
		Scan(&id, &name, &bio, &tweets, &followers, &following, &follows); err != nil {
		return nil, err
	}
	page, err := entries(ctx, db, tweetColumns+`t.author_id = $1 ORDER BY t.id DESC LIMIT $2`, id, profilePage)
	if err != nil {
		return nil, err
	}
	edges, err := edgesOf(ctx, db, viewer, cursors.Timeline, page)
	return object{"user": object{"id": ids.UserID(id).String(), "username": username, "name": name, "bio": bio, "tweetCount": tweets,
		"followers": object{"totalCount": followers}, "following": object{"totalCount": following},
		"viewerIsFollowing": follows, "timeline": object{"edges": edges}}}, err
}

// wantReaction returns the right answer to a reaction that has just been set, from the rows that SQL holds now.
func wantReaction(ctx context.Context, db *sql.DB, s Reaction) (any, error) {
	now, err := summariesOf(ctx, db, s.Viewer.ID, []int64{s.Tweet})
	if err != nil {
		return nil, err
	}
	return object{"setReaction": object{"subject": object{"id": ids.TweetID(s.Tweet).String(), "reactions": now[0]},
		"userErrors": []any{}}}, nil
}
