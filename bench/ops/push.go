package ops

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/lib/pq"

	"roost/bench/load"
	"roost/internal/cursors"
	"roost/internal/ids"
)

const (
	// CountsQuery is the subscription to a tweet's counts.
	CountsQuery = `subscription Live($ids: [ID!]!) { reactionsChanged(subjectIds: $ids) { id reactions { likeCount dislikeCount revision } } }`
	// HomeQuery is the subscription to the events of a home timeline after a cursor.
	HomeQuery = `subscription Home($after: String) { homeTimelineEvents(after: $after) { cursor ... on TimelineEntryAdded {
 edge { cursor node { id text createdAt author { id username name } reactions { likeCount dislikeCount revision viewerReaction } } } } } }`

	postQuery  = `mutation Post($input: CreateTweetInput!) { createTweet(input: $input) { tweet { id text createdAt } userErrors { code } } }`
	whereQuery = `{ viewer { homeTimeline(first: 1) { eventCursor } } }`
)

// postName begins the texts of the author's tweets; a number follows.
const postName = "push-"

// Number is the number of a tweet of the author's, in a push or in the answer to its writer.
var Number = load.NumberAfter(`"text":"` + postName)

// fans draws the author and their fans and signs them in.
func (w *World) fans(ctx context.Context, db *sql.DB, addr string, n int) error {
	if n == 0 {
		return nil
	}
	author := make([]Viewer, 1)
	if err := db.QueryRowContext(ctx, `SELECT u.id, u.username FROM users u JOIN user_stats s ON s.user_id = u.id
		ORDER BY s.follower_count DESC, u.id LIMIT 1`).Scan(&author[0].ID, &author[0].Username); err != nil {
		return err
	}
	if err := each(ctx, db, `SELECT u.id, u.username FROM users u`+drawn+`WHERE u.id IN (
			SELECT follower_id FROM follows WHERE followee_id = $1 AND active)`+inRandom+`LIMIT $2`, []any{author[0].ID, n}, func(scan scan) error {
		var v Viewer
		err := scan(&v.ID, &v.Username)
		w.Fans = append(w.Fans, v)
		return err
	}); err != nil {
		return err
	}
	if err := errors.Join(signIn(ctx, db, addr, author), signIn(ctx, db, addr, w.Fans)); err != nil {
		return err
	}
	w.Author = author[0]
	return w.strangers(ctx, db)
}

func (w *World) strangers(ctx context.Context, db *sql.DB) error {
	all := make([]int64, len(w.Viewers))
	for i, v := range w.Viewers {
		all[i] = v.ID
	}
	knows := map[int64]bool{w.Author.ID: true}
	err := each(ctx, db, `SELECT follower_id FROM follows WHERE followee_id = $1 AND active AND follower_id = ANY($2)`,
		[]any{w.Author.ID, pq.Array(all)}, func(scan scan) error {
			var id int64
			err := scan(&id)
			knows[id] = true
			return err
		})
	for _, v := range w.Viewers {
		if !knows[v.ID] {
			w.Strangers = append(w.Strangers, v)
		}
	}
	if err == nil && (len(w.Fans) == 0 || len(w.Strangers) == 0) {
		err = fmt.Errorf("%s has %d fans, and %d of the viewers do not follow them", w.Author.Username, len(w.Fans), len(w.Strangers))
	}
	return err
}

// Posts makes the author tweet, on either target. The texts carry numbers, which grow; Number finds them.
func (w *World) Posts(s Server, baseline bool) load.Source {
	query := quoted(postQuery)
	return func(buf []byte) []byte {
		w.posted[s.Name]++
		text := postName + strconv.Itoa(w.posted[s.Name])
		if baseline {
			return plain(buf, "POST", "/tweets?text="+text, w.Author.Key)
		}
		return graphql(buf, w.Author.Key, query, `{"input":{"text":"`+text+`"}}`)
	}
}

// EventCursor returns a cursor for the end of Roost's log. A subscription after that cursor misses no later event.
func (w *World) EventCursor(ctx context.Context, roost Server) (string, error) {
	body, err := fetch(ctx, roost, graphql(nil, w.Author.Key, quoted(whereQuery), "{}"))
	if err != nil {
		return "", err
	}
	var answer struct {
		Data struct {
			Viewer struct{ HomeTimeline struct{ EventCursor string } }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", fmt.Errorf("%w: %.300s", err, body)
	}
	cursor := answer.Data.Viewer.HomeTimeline.EventCursor
	if cursor == "" {
		return "", fmt.Errorf("there is no event cursor: %.300s", body)
	}
	return cursor, nil
}

// CheckPush fails unless a message to a fan agrees with SQL on the author's newest tweet. The cursor of the event is not compared,
// because only one of the targets has a log.
func (w *World) CheckPush(ctx context.Context, s Server, message []byte) error {
	want, err := w.wantPush(ctx, s.DB)
	if err != nil {
		return err
	}
	var got struct {
		Type    string
		Payload json.RawMessage
	}
	if err := json.Unmarshal(message, &got); err != nil {
		return fmt.Errorf("%s: %w: %.300s", s.Name, err, message)
	}
	v, err := decode(got.Payload)
	if err != nil || got.Type != "next" {
		return fmt.Errorf("%s: that is no push: %.300s", s.Name, message)
	}
	if data, ok := v.(object)["data"].(object); ok {
		if event, ok := data["homeTimelineEvents"].(object); ok {
			if _, err := cursors.Decode(cursors.Events, fmt.Sprint(event["cursor"])); err != nil {
				return fmt.Errorf("%s: %w: %.300s", s.Name, err, message)
			}
			delete(event, "cursor")
		}
	}
	raw, err := json.Marshal(object{"data": want})
	if err != nil {
		return err
	}
	expected, err := decode(raw)
	if err == nil && !reflect.DeepEqual(v, expected) {
		err = fmt.Errorf("%s: the push is\n%s\nSQL says\n%s", s.Name, message, raw)
	}
	return err
}

// wantPush is what fans receive of the author's newest tweet: nobody has reacted yet.
func (w *World) wantPush(ctx context.Context, db *sql.DB) (any, error) {
	newest, err := entries(ctx, db, tweetColumns+`t.author_id = $1 ORDER BY t.id DESC LIMIT 1`, w.Author.ID)
	if err != nil {
		return nil, err
	}
	if len(newest) == 0 {
		return nil, errors.New("the author has no tweet")
	}
	edges, err := edgesOf(ctx, db, w.Fans[0].ID, cursors.Home, newest)
	if err != nil {
		return nil, err
	}
	var name string
	if err := db.QueryRowContext(ctx, `SELECT name FROM users WHERE id = $1`, w.Author.ID).Scan(&name); err != nil {
		return nil, err
	}
	edges[0].(object)["node"].(object)["author"] = object{"id": ids.UserID(w.Author.ID).String(), "username": w.Author.Username, "name": name}
	return object{"homeTimelineEvents": object{"edge": edges[0]}}, nil
}

// CheckPosts fails unless the author's tweets in SQL are those that Posts has asked for, and are counted.
func (w *World) CheckPosts(ctx context.Context, s Server) error {
	if w.Author.ID == 0 {
		return nil
	}
	var rows, distinct, all, counted int64
	posted := int64(w.posted[s.Name])
	if err := s.DB.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE text LIKE $2), count(DISTINCT text) FILTER (WHERE text LIKE $2),
		count(*),
		(SELECT tweet_count FROM user_stats WHERE user_id = $1) FROM tweets WHERE author_id = $1 AND deleted_at IS NULL`,
		w.Author.ID, postName+"%").Scan(&rows, &distinct, &all, &counted); err != nil {
		return err
	}
	if rows != posted || distinct != posted || all != counted {
		return fmt.Errorf("%s: %d tweets were posted, %d are there (%d differ); the author has %d and is said to have %d",
			s.Name, posted, rows, distinct, all, counted)
	}
	return nil
}
