package imports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"roost/domain/search"
	rules "roost/domain/tweets"
)

// tweets reads tweets.jsonl.
type tweets struct {
	*run
	rows []tweet
	// seen are the source's ids in the chunk.
	seen map[int64]bool
	// parsed is reused for every line.
	parsed tweetLine
}

type tweet struct {
	line, external, author, id int64
	text                       string
	created                    time.Time
}

func (t *tweets) header() string { return "" }

func (t *tweets) begin(ctx context.Context) error {
	t.seen = map[int64]bool{}
	if err := t.loadUsers(ctx); err != nil {
		return err
	}
	return t.loadTweets(ctx)
}

func (t *tweets) next() {
	for _, row := range t.rows {
		t.run.tweets[row.external] = row.id
	}
	t.rows = t.rows[:0]
	clear(t.seen)
}

func (t *tweets) line(_ context.Context, n int64, line []byte) (bad string, err error) {
	p := &t.parsed
	if bad := p.read(line); bad != "" {
		return bad, nil
	}
	author, ok := t.run.users[*p.AuthorID]
	if !ok {
		return fmt.Sprintf("author_id %d is not a user of this source", *p.AuthorID), nil
	}
	created, bad := timestamp(*p.CreatedAt, t.now)
	if bad != "" {
		return bad, nil
	}
	if bad := checkText(*p.Text); bad != "" {
		return bad, nil
	}
	if t.run.tweets[*p.ID] != 0 || t.seen[*p.ID] {
		return "", nil
	}
	t.seen[*p.ID] = true
	t.rows = append(t.rows, tweet{line: n, external: *p.ID, author: author, text: *p.Text, created: created})
	return "", nil
}

func (t *tweets) write(ctx context.Context, c *chunk) error {
	if err := t.makeIDs(ctx, c); err != nil {
		return err
	}
	slices.SortFunc(t.rows, func(a, b tweet) int { return cmp.Compare(a.id, b.id) })
	_, err := c.insert(ctx, intoTweets, len(t.rows), func(i int, col []any) {
		col[0], col[1], col[2], col[3] = t.rows[i].id, t.rows[i].author, t.rows[i].text, t.rows[i].created
	})
	if err != nil {
		return err
	}
	if err := t.writeHashtags(ctx, c); err != nil {
		return err
	}
	add, ids := map[int64]*userCounts{}, make([]mapped, len(t.rows))
	for i, row := range t.rows {
		of(add, row.author).tweets++
		ids[i] = mapped{row.external, row.id}
	}
	slices.SortFunc(ids, func(a, b mapped) int { return cmp.Compare(a.external, b.external) })
	if err := c.addMapping(ctx, kindTweet, ids); err != nil {
		return err
	}
	c.inserted = int64(len(t.rows))
	if n := len(t.rows); n > 0 {
		if err := search.Fill(ctx, c.DB, c.tx, search.KindTweets, t.rows[0].id, t.rows[n-1].id); err != nil {
			return err
		}
	}
	return c.addUserStats(ctx, add)
}

func (t *tweets) writeHashtags(ctx context.Context, c *chunk) error {
	var all []rules.TweetHashtag
	for _, row := range t.rows {
		all = rules.AppendHashtags(all, row.id, row.text)
	}
	slices.SortFunc(all, func(a, b rules.TweetHashtag) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.TweetID, b.TweetID))
	})
	_, err := c.insert(ctx, intoTweetHashtags, len(all), func(i int, col []any) {
		col[0], col[1], col[2] = all[i].ID, all[i].TweetID, all[i].Name
	})
	return err
}

// firstTweets reads the time of each author's first tweet, by the source's id of the author. It ignores bad lines, which the
// import itself reports.
func (r *run) firstTweets(ctx context.Context) (first map[int64]time.Time, err error) {
	first = map[int64]time.Time{}
	s := r.files.tweets
	if s == nil {
		return first, nil
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for {
		line, tooLong, err := s.next()
		if errors.Is(err, io.EOF) {
			return first, nil
		}
		if err != nil {
			return nil, err
		}
		if s.line%1000 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var p tweetLine
		if tooLong || p.read(line) != "" || checkText(*p.Text) != "" {
			continue
		}
		at, bad := timestamp(*p.CreatedAt, r.now)
		if was, ok := first[*p.AuthorID]; bad == "" && (!ok || at.Before(was)) {
			first[*p.AuthorID] = at
		}
	}
}
