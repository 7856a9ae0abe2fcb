// Package timelines reads timelines from SQL. This is the path that answers when nothing faster can,
// and the oracle for everything faster.
//
// The home timeline of a viewer holds the live tweets of those whom the viewer follows and the viewer's
// own, newest first. An entry is a tweet and its place, which is the tweet's id.
package timelines

import (
	"context"
	"fmt"
	"slices"

	"roost/ent"
	"roost/ent/follow"
	"roost/ent/tweet"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// Entry is a tweet in a timeline: its place, and the tweet's id as its item.
type Entry = sqldb.Row

// live is the condition on tweets that pages and pushes share.
const live = "deleted_at IS NULL"

// Timelines reads timelines. It is safe for concurrent use.
type Timelines struct {
	client *ent.Client
	db     *sqldb.DB
}

// New reads timelines from the client's database.
func New(client *ent.Client, db *sqldb.DB) *Timelines { return &Timelines{client: client, db: db} }

var ofAuthor = sqldb.Lists{Table: "tweets", Owner: "author_id", Place: "id", Item: "id", Where: live}

// OfUsers reads pages of several users' own tweets, newest first.
func (t *Timelines) OfUsers(ctx context.Context, keys []sqldb.Key) (map[sqldb.Key]cursors.Page[Entry], error) {
	return ofAuthor.Pages(ctx, t.db.Driver, keys)
}

// Home reads a page of a viewer's home timeline in two statements: whom the viewer follows, then the
// page. The second reads at most page size + 1 tweets a followee, each through the index on
// (author_id, id).
func (t *Timelines) Home(ctx context.Context, viewerID int64, w cursors.Window) (cursors.Page[Entry], error) {
	authors, err := t.authors(ctx, viewerID)
	if err != nil {
		return cursors.Page[Entry]{}, err
	}
	rows, err := t.db.QueryContext(ctx, t.homeStatement(w.Backward), t.db.List(authors), w.Above, w.Below, w.Size+1)
	if err != nil {
		return cursors.Page[Entry]{}, fmt.Errorf("read the home timeline: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var entries []Entry
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return cursors.Page[Entry]{}, fmt.Errorf("read the home timeline: %w", err)
		}
		entries = append(entries, Entry{Place: id, Item: id})
	}
	if err := rows.Err(); err != nil {
		return cursors.Page[Entry]{}, fmt.Errorf("read the home timeline: %w", err)
	}
	return cursors.Cut(w, entries), nil
}

// authors are those whose tweets the viewer's home timeline holds.
func (t *Timelines) authors(ctx context.Context, viewerID int64) ([]int64, error) {
	rows, err := t.client.Follow.Query().Where(follow.FollowerID(viewerID), follow.Active(true)).
		Select(follow.FieldFolloweeID).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read whom the viewer follows: %w", err)
	}
	authors := make([]int64, 0, len(rows)+1)
	for _, r := range rows {
		authors = append(authors, r.FolloweeID)
	}
	return append(authors, viewerID), nil
}

func (t *Timelines) homeStatement(backward bool) string {
	order := "DESC"
	if backward {
		order = "ASC"
	}
	if t.db.IsPostgres() {
		return fmt.Sprintf(`SELECT t.id FROM unnest($1::bigint[]) AS a(id)
			CROSS JOIN LATERAL (SELECT id FROM tweets
				WHERE author_id = a.id AND %[1]s AND id < $2 AND id > $3 ORDER BY id %[2]s LIMIT $4) AS t
			ORDER BY t.id %[2]s LIMIT $4`, live, order)
	}
	return fmt.Sprintf(`SELECT t.id FROM json_each($1) AS a
		JOIN tweets AS t ON t.id IN (SELECT id FROM tweets
			WHERE author_id = a.value AND %[1]s AND id < $2 AND id > $3 ORDER BY id %[2]s LIMIT $4)
		ORDER BY t.id %[2]s LIMIT $4`, live, order)
}

// audienceChunk bounds the list of one statement.
const audienceChunk = 5000

// Audience tells which of the viewers have an author's tweets in their home timelines: those who follow
// the author, and the author. The answer is sorted.
func (t *Timelines) Audience(ctx context.Context, authorID int64, viewers []int64) ([]int64, error) {
	var out []int64
	if slices.Contains(viewers, authorID) {
		out = append(out, authorID)
	}
	for part := range slices.Chunk(viewers, audienceChunk) {
		rows, err := t.client.Follow.Query().Select(follow.FieldFollowerID).
			Where(follow.FolloweeID(authorID), follow.Active(true), sqldb.In(follow.FieldFollowerID, part)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("find the audience: %w", err)
		}
		for _, r := range rows {
			out = append(out, r.FollowerID)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Visible tells which of the tweets, given with their authors, are in the viewer's home timeline now, in
// at most two statements. Pushes use it just before they send.
func (t *Timelines) Visible(ctx context.Context, viewerID int64, authorOf map[int64]int64) (map[int64]bool, error) {
	tweetIDs := make([]int64, 0, len(authorOf))
	var others []int64
	for id, author := range authorOf {
		tweetIDs = append(tweetIDs, id)
		if author != viewerID {
			others = append(others, author)
		}
	}
	followed := map[int64]bool{viewerID: true}
	if len(others) > 0 {
		rows, err := t.client.Follow.Query().Select(follow.FieldFolloweeID).
			Where(follow.FollowerID(viewerID), follow.Active(true), sqldb.In(follow.FieldFolloweeID, others)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("check whom the viewer follows: %w", err)
		}
		for _, r := range rows {
			followed[r.FolloweeID] = true
		}
	}
	alive, err := t.client.Tweet.Query().Where(sqldb.In(tweet.FieldID, tweetIDs), tweet.DeletedAtIsNil()).IDs(ctx)
	if err != nil {
		return nil, fmt.Errorf("check which tweets live: %w", err)
	}
	out := make(map[int64]bool, len(alive))
	for _, id := range alive {
		out[id] = followed[authorOf[id]]
	}
	return out, nil
}
