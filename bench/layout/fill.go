package layout

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"
	"github.com/redis/go-redis/v9"

	"roost/internal/ids"
)

// homeLength is how many entries of a home timeline are stored, somewhat more than a page and one.
const homeLength = 100

// atOnce is how many commands go into one pipeline.
const atOnce = 5000

// Fill writes everything that the sessions can ask for; the map holds the user of each session's key. It takes a few seconds for a
// hundred thousand tweets.
func Fill(ctx context.Context, db *sql.DB, to redis.UniversalClient, sessions map[string]int64) error {
	f := &filler{db: db, pipe: to.Pipeline()}
	viewers := make([]int64, 0, len(sessions))
	for key, user := range sessions {
		viewers = append(viewers, user)
		f.pipe.Set(ctx, Session(key), user, 0)
	}
	for _, step := range []struct {
		what string
		fill func(context.Context, []int64) error
	}{
		{"tweets", f.tweets}, {"users", f.users}, {"own timelines", f.timelines}, {"home timelines", f.homes},
		{"reactions", f.reactions}, {"follows", f.follows},
	} {
		err := step.fill(ctx, viewers)
		if err == nil {
			_, err = f.pipe.Exec(ctx)
		}
		if err != nil {
			return fmt.Errorf("fill the baseline's Redis: %s: %w", step.what, err)
		}
	}
	return nil
}

type filler struct {
	db   *sql.DB
	pipe redis.Pipeliner
}

// each runs a query and a function for each row; scan reads the row.
func (f *filler) each(ctx context.Context, query string, args []any, row func(scan func(...any) error) error) error {
	rows, err := f.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
		if f.pipe.Len() >= atOnce {
			if _, err := f.pipe.Exec(ctx); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

func (f *filler) tweets(ctx context.Context, _ []int64) error {
	return f.each(ctx, `SELECT t.id, t.text, t.created_at, coalesce(s.like_count, 0), coalesce(s.dislike_count, 0), coalesce(s.revision, 0)
		FROM tweets t LEFT JOIN tweet_stats s ON s.tweet_id = t.id WHERE t.deleted_at IS NULL`, nil, func(scan func(...any) error) error {
		var id, likes, dislikes, revision int64
		var text string
		var at time.Time
		if err := scan(&id, &text, &at, &likes, &dislikes, &revision); err != nil {
			return err
		}
		piece, err := pieces("id", ids.TweetID(id).String(), "text", text, "createdAt", at.UTC().Format("2006-01-02T15:04:05.000Z"))
		if err != nil {
			return err
		}
		f.pipe.Set(ctx, Tweet(decimal(id)), piece, 0)
		f.pipe.Set(ctx, Counts(decimal(id)), CountsPiece(likes, dislikes, revision), 0)
		return nil
	})
}

// CountsPiece is the JSON of a tweet's counts.
func CountsPiece(likes, dislikes, revision int64) string {
	return fmt.Sprintf(`"likeCount":%d,"dislikeCount":%d,"revision":%d`, likes, dislikes, revision)
}

func (f *filler) users(ctx context.Context, _ []int64) error {
	return f.each(ctx, `SELECT u.id, u.username, u.name, u.bio, s.tweet_count, s.follower_count, s.following_count
		FROM users u JOIN user_stats s ON s.user_id = u.id WHERE s.tweet_count > 0`, nil, func(scan func(...any) error) error {
		var id, tweets, followers, following int64
		var username, name, bio string
		if err := scan(&id, &username, &name, &bio, &tweets, &followers, &following); err != nil {
			return err
		}
		author, err := pieces("id", ids.UserID(id).String(), "username", username, "name", name)
		if err != nil {
			return err
		}
		more, err := pieces("bio", bio)
		if err != nil {
			return err
		}
		f.pipe.Set(ctx, Author(decimal(id)), author, 0)
		f.pipe.Set(ctx, Profile(username), author+","+more, 0)
		f.pipe.Set(ctx, ProfileCounts(username), fmt.Sprintf(
			`"tweetCount":%d,"followers":{"totalCount":%d},"following":{"totalCount":%d}`, tweets, followers, following), 0)
		return nil
	})
}

func (f *filler) timelines(ctx context.Context, _ []int64) error {
	return f.each(ctx, `SELECT u.username, t.id, t.author_id FROM tweets t JOIN users u ON u.id = t.author_id
		WHERE t.deleted_at IS NULL ORDER BY t.id`, nil, func(scan func(...any) error) error {
		var username string
		var id, author int64
		if err := scan(&username, &id, &author); err != nil {
			return err
		}
		f.pipe.LPush(ctx, Timeline(username), Entry(id, author))
		return nil
	})
}

func (f *filler) homes(ctx context.Context, viewers []int64) error {
	return f.each(ctx, `SELECT v.id, h.id, h.author_id FROM unnest($1::bigint[]) AS v (id), LATERAL (
			SELECT t.id, t.author_id FROM tweets t WHERE t.deleted_at IS NULL AND (t.author_id = v.id OR t.author_id IN
				(SELECT followee_id FROM follows WHERE follower_id = v.id AND active))
			ORDER BY t.id DESC LIMIT $2) AS h ORDER BY v.id, h.id DESC`,
		[]any{pq.Array(viewers), homeLength}, func(scan func(...any) error) error {
			var viewer, id, author int64
			if err := scan(&viewer, &id, &author); err != nil {
				return err
			}
			f.pipe.RPush(ctx, Home(viewer), Entry(id, author))
			return nil
		})
}

func (f *filler) reactions(ctx context.Context, viewers []int64) error {
	return f.each(ctx, `SELECT user_id, tweet_id, kind FROM reactions WHERE user_id = ANY($1) AND kind <> 0`,
		[]any{pq.Array(viewers)}, func(scan func(...any) error) error {
			var viewer, tweet, kind int64
			if err := scan(&viewer, &tweet, &kind); err != nil {
				return err
			}
			name := "LIKE"
			if kind == 2 {
				name = "DISLIKE"
			}
			f.pipe.HSet(ctx, Reactions(viewer), decimal(tweet), name)
			return nil
		})
}

func (f *filler) follows(ctx context.Context, viewers []int64) error {
	return f.each(ctx, `SELECT f.follower_id, u.username FROM follows f JOIN users u ON u.id = f.followee_id
		WHERE f.follower_id = ANY($1) AND f.active`, []any{pq.Array(viewers)}, func(scan func(...any) error) error {
		var viewer int64
		var username string
		if err := scan(&viewer, &username); err != nil {
			return err
		}
		f.pipe.SAdd(ctx, Following(viewer), username)
		return nil
	})
}

// pieces writes names and texts as the inside of a JSON object.
func pieces(pairs ...string) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i, s := range pairs {
		if err := enc.Encode(s); err != nil {
			return "", err
		}
		b.Truncate(b.Len() - 1) // the line end
		switch {
		case i == len(pairs)-1:
		case i%2 == 0:
			b.WriteByte(':')
		default:
			b.WriteByte(',')
		}
	}
	return b.String(), nil
}
