package ops

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	"roost/domain/accounts"
	"roost/internal/clock"

	"encoding/json"
)

// World holds the users who send requests, and the objects that they ask for.
type World struct {
	Viewers []Viewer
	// Visitors are signed in for one visit each; the viewers are the first of them, if there are enough. Only viewers have screens.
	Visitors []Viewer
	// Usernames holds the users with at least one full profile page of tweets.
	Usernames []string
	// Tweets holds all tweets; Viral is the tweet with the most likes.
	Tweets []int64
	Viral  int64
	// Author is the user with the most followers, and Fans are some of these, all signed in; they are empty if no fans were
	// wanted. Strangers are the viewers who do not follow the author.
	Author          Viewer
	Fans, Strangers []Viewer
	// Replay is empty before AddReplay.
	Replay Replay

	posted map[string]int // how many tweets Posts has asked a server for, by its name
}

// Viewer is a signed-in user.
type Viewer struct {
	ID       int64
	Username string
	// Key is the key of a session, the same for both targets.
	Key string
	// Screen are the tweets of the first page of the home timeline.
	Screen []int64
}

// The sizes of the measured pages.
const (
	homePage    = 20
	profilePage = 10
)

// NewWorld draws viewers and visitors among those whose home timeline has at least a page, and up to so many fans of one
// author, signs them in through the API at addr, and looks up the rest.
func NewWorld(ctx context.Context, db *sql.DB, addr string, viewers, visitors, fans int) (*World, error) {
	w := &World{posted: map[string]int{}}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"draw viewers", func() error { return w.draw(ctx, db, max(viewers, visitors)) }},
		{"sign viewers in", func() error { return signIn(ctx, db, addr, w.Visitors) }},
		{"choose viewers", func() error { w.Viewers = w.Visitors[:viewers:viewers]; return nil }},
		{"read screens", func() error { return w.screens(ctx, db) }},
		{"read tweets", func() error { return w.tweets(ctx, db) }},
		{"read usernames", func() error { return w.usernames(ctx, db) }},
		{"draw fans", func() error { return w.fans(ctx, db, addr, fans) }},
	} {
		if err := step.do(); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return w, nil
}

// drawn is the SQL by which users are put in a random order that is the same for the same data. It uses the ids of the files, because
// row ids differ between imports.
const (
	drawn    = ` JOIN imported_ids i ON i.kind = 'user' AND i.row_id = u.id `
	inRandom = ` ORDER BY md5('roost' || i.external_id) `
)

func (w *World) draw(ctx context.Context, db *sql.DB, n int) error {
	err := each(ctx, db, `SELECT u.id, u.username FROM users u`+drawn+`WHERE u.id IN (
			SELECT f.follower_id FROM follows f JOIN user_stats s ON s.user_id = f.followee_id
			WHERE f.active GROUP BY 1 HAVING sum(s.tweet_count) >= $1)
		`+inRandom+`LIMIT $2`, []any{homePage, n}, func(scan scan) error {
		var v Viewer
		err := scan(&v.ID, &v.Username)
		w.Visitors = append(w.Visitors, v)
		return err
	})
	if err == nil && len(w.Visitors) < n {
		err = fmt.Errorf("only %d of %d have %d entries", len(w.Visitors), n, homePage)
	}
	return err
}

// Passwords of the viewers: one for all, hashed as cheaply as can be.
const password = "correct horse battery"

var cheap = accounts.Hashing{Memory: 64, Time: 1, Parallel: 1}

func signIn(ctx context.Context, db *sql.DB, addr string, who []Viewer) error {
	hash, err := accounts.New(nil, nil, nil, clock.Real{}, accounts.Config{Hashing: cheap}).HashPassword(ctx, password)
	if err != nil {
		return err
	}
	for i := range who {
		v := &who[i]
		if _, err := db.ExecContext(ctx, `UPDATE users SET password_hash = $1 WHERE id = $2`, hash, v.ID); err != nil {
			return err
		}
		if v.Key, err = logIn(ctx, addr, v.Username); err != nil {
			return fmt.Errorf("%s: %w", v.Username, err)
		}
	}
	return nil
}

func logIn(ctx context.Context, addr, username string) (key string, err error) {
	body, err := json.Marshal(map[string]any{
		"query":     `mutation($i: LogInInput!) { logIn(input: $i) { token userErrors { code message } } }`,
		"variables": map[string]any{"i": map[string]any{"login": username, "password": password, "tokenDelivery": "TOKEN"}},
	})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/graphql", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	var answer struct {
		Data struct {
			LogIn struct {
				Token      string
				UserErrors []struct{ Message string }
			}
		}
		Errors []struct{ Message string }
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return "", err
	}
	if answer.Data.LogIn.Token == "" {
		return "", fmt.Errorf("no session: %+v", answer)
	}
	return answer.Data.LogIn.Token, nil
}

func (w *World) screens(ctx context.Context, db *sql.DB) error {
	for i := range w.Viewers {
		v := &w.Viewers[i]
		page, err := homeOf(ctx, db, v.ID)
		if err != nil {
			return err
		}
		if len(page) < homePage {
			return fmt.Errorf("%s has %d entries", v.Username, len(page))
		}
		for _, t := range page[:homePage] {
			v.Screen = append(v.Screen, t.id)
		}
	}
	return nil
}

func (w *World) tweets(ctx context.Context, db *sql.DB) error {
	if err := each(ctx, db, `SELECT id FROM tweets WHERE deleted_at IS NULL ORDER BY id`, nil, func(scan scan) error {
		var id int64
		err := scan(&id)
		w.Tweets = append(w.Tweets, id)
		return err
	}); err != nil {
		return err
	}
	return db.QueryRowContext(ctx, `SELECT tweet_id FROM `+tweetCounts+` AS s ORDER BY like_count DESC, tweet_id LIMIT 1`).Scan(&w.Viral)
}

// profiles is how many profiles the operations ask for.
const profiles = 1000

func (w *World) usernames(ctx context.Context, db *sql.DB) error {
	return each(ctx, db, `SELECT u.username FROM users u JOIN user_stats s ON s.user_id = u.id`+drawn+`
		WHERE s.tweet_count >= $1`+inRandom+`LIMIT $2`, []any{profilePage, profiles}, func(scan scan) error {
		var name string
		err := scan(&name)
		w.Usernames = append(w.Usernames, name)
		return err
	})
}

// Sessions returns the user of each session key that is sent to the baseline.
func (w *World) Sessions() map[string]int64 {
	out := make(map[string]int64, len(w.Visitors))
	for _, v := range w.Visitors {
		out[v.Key] = v.ID
	}
	for _, v := range w.Replay.likers {
		out[v.Key] = v.ID
	}
	if w.Author.Key != "" {
		out[w.Author.Key] = w.Author.ID
	}
	return out
}

type scan = func(...any) error

// each runs a query and a function for each row.
func each(ctx context.Context, db *sql.DB, query string, args []any, row func(scan) error) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
