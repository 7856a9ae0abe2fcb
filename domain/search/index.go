package search

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"roost/domain/tweets"
	"roost/ent"
	"roost/events"
	"roost/internal/sqldb"
)

const (
	// GroupName is the name of the consumer group.
	GroupName = "search"
	// groupPoll is how often the group looks at the log while there are events, which gather meanwhile.
	groupPoll = 100 * time.Millisecond
)

// Group returns the consumer group that indexes new tweets and users and changed names, and removes deleted tweets. A new tweet is found
// about 0.7 s after it was posted at the latest: a quiet node looks at the log every 600 ms, a busy one more often.
func (s *Search) Group() events.GroupConfig {
	return events.GroupConfig{Name: GroupName, FromStart: true, Poll: groupPoll, Gathers: true, Types: []string{
		events.TweetPosted{}.Type(), events.TweetDeleted{}.Type(),
		events.UserSignedUp{}.Type(), events.ProfileUpdated{}.Type(), events.SettingsUpdated{}.Type(),
	}, Handler: events.HandlerFunc(s.handle)}
}

func (s *Search) handle(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
	var tweetIDs, userIDs []int64
	for _, e := range batch {
		switch e.Type {
		case events.TweetPosted{}.Type(), events.TweetDeleted{}.Type():
			tweetIDs = append(tweetIDs, e.Aggregate)
		default:
			userIDs = append(userIDs, e.Aggregate)
		}
	}
	if err := s.indexTweets(ctx, tx, tweetIDs); err != nil {
		return err
	}
	return s.indexUsers(ctx, tx, userIDs)
}

// tweetRow is what the index needs of a tweet.
type tweetRow struct {
	id, author int64
	text       string
	visible    bool
}

func (r *tweetRow) columns() []any { return []any{&r.id, &r.author, &r.text, &r.visible} }

// tweetColumns are the columns of a tweetRow.
const tweetColumns = "id, author_id, text, " + tweets.VisibleSQL

// indexTweets makes the entries of tweets what the tweets are now. An event that another one has overtaken changes nothing: the tweets
// are read here.
func (s *Search) indexTweets(ctx context.Context, tx *ent.Tx, tweetIDs []int64) error {
	if len(tweetIDs) == 0 {
		return nil
	}
	rows, err := sqldb.ScanAll(ctx, tx.Client(), "SELECT "+tweetColumns+" FROM tweets WHERE "+s.db.Member("id", "$1"),
		[]any{s.db.List(tweetIDs)}, (*tweetRow).columns)
	if err != nil {
		return fmt.Errorf("read tweets to index: %w", err)
	}
	return s.putTweets(ctx, tx, rows)
}

// putTweets replaces the entries of tweets. Entries are written in the order of their ids, so that no two writers deadlock.
func (s *Search) putTweets(ctx context.Context, tx *ent.Tx, rows []tweetRow) error {
	slices.SortFunc(rows, func(a, b tweetRow) int { return cmp.Compare(a.id, b.id) })
	oldest := s.oldest()
	var put puts
	var gone []int64
	for _, r := range rows {
		if r.visible && r.id >= oldest {
			put.add(r)
		} else {
			gone = append(gone, r.id)
		}
	}
	if err := s.removeTweets(ctx, tx, gone); err != nil || len(put.ids) == 0 {
		return err
	}
	if err := s.insertTweets(ctx, tx, put); err != nil {
		return fmt.Errorf("index tweets: %w", err)
	}
	return nil
}

// puts are entries to write.
type puts struct {
	ids, authors, words []int64
	vectors, lexemes    []string
}

func (p *puts) add(r tweetRow) {
	e := entryOf(r.text)
	p.ids, p.authors, p.words = append(p.ids, r.id), append(p.authors, r.author), append(p.words, int64(e.words))
	p.vectors, p.lexemes = append(p.vectors, e.vector), append(p.lexemes, e.lexemes)
}

// insertTweets writes entries. The texts of the statements do not depend on the tweets.
func (s *Search) insertTweets(ctx context.Context, tx *ent.Tx, p puts) error {
	if s.db.IsPostgres() {
		_, err := tx.Client().ExecContext(ctx, `INSERT INTO search_tweets AS s (tweet_id, author_id, words, tokens)
			SELECT t.id, t.author, t.words, t.vector::tsvector
			FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) AS t(id, author, words, vector)
			ON CONFLICT (tweet_id) DO UPDATE SET author_id = excluded.author_id, words = excluded.words, tokens = excluded.tokens
			WHERE s.tokens IS DISTINCT FROM excluded.tokens OR s.words <> excluded.words OR s.author_id <> excluded.author_id`,
			pq.Array(p.ids), pq.Array(p.authors), pq.Array(p.words), pq.Array(p.vectors))
		return err
	}
	list := make([][5]any, len(p.ids))
	for i, id := range p.ids {
		list[i] = [5]any{id, p.authors[i], p.words[i], p.vectors[i], p.lexemes[i]}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`INSERT INTO search_tweets (tweet_id, author_id, words, tokens) SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),
			json_extract(value, '$[2]'), json_extract(value, '$[3]') FROM json_each($1) WHERE true
			ON CONFLICT (tweet_id) DO UPDATE SET author_id = excluded.author_id, words = excluded.words, tokens = excluded.tokens`,
		"DELETE FROM search_index WHERE rowid IN (SELECT json_extract(value, '$[0]') FROM json_each($1))",
		"INSERT INTO search_index (rowid, tokens) SELECT json_extract(value, '$[0]'), json_extract(value, '$[4]') FROM json_each($1)",
	} {
		if _, err := tx.Client().ExecContext(ctx, statement, string(text)); err != nil {
			return err
		}
	}
	return nil
}

// removeTweets removes the entries of tweets, where there are any.
func (s *Search) removeTweets(ctx context.Context, tx *ent.Tx, tweetIDs []int64) error {
	if len(tweetIDs) == 0 {
		return nil
	}
	statements := []string{"DELETE FROM search_tweets WHERE " + s.db.Member("tweet_id", "$1")}
	if !s.db.IsPostgres() {
		statements = append(statements, "DELETE FROM search_index WHERE "+s.db.Member("rowid", "$1"))
	}
	for _, statement := range statements {
		if _, err := tx.Client().ExecContext(ctx, statement, s.db.List(tweetIDs)); err != nil {
			return fmt.Errorf("remove tweets from the index: %w", err)
		}
	}
	return nil
}
