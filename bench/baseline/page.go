package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"roost/bench/layout"
	"roost/internal/cursors"
)

// page is a page of tweets on its way from Redis to JSON.
type page struct {
	kind    cursors.Kind
	authors bool
	// retweets shows of each entry who has brought it.
	retweets bool
	viewer   int64

	entries []string
	more    bool
	// pieces holds the JSON of the tweets, then of their counts, then of their authors, then of who retweeted them.
	pieces, mine []any
	// by is for each entry the index in pieces of who retweeted the tweet, or 0.
	by []int
}

// take stores a page. all may be one entry longer than the page, which means that there is another one.
func (p *page) take(entries []string, size int) {
	if len(entries) > size {
		entries, p.more = entries[:size], true
	}
	p.entries = entries
}

// load reads the pieces of the page in one round trip.
func (p *page) load(ctx context.Context, pipe redis.Pipeliner) error {
	n := len(p.entries)
	if n == 0 {
		return nil
	}
	keys, tweets := make([]string, 0, 3*n), make([]string, n)
	for i, e := range p.entries {
		tweets[i], _ = layout.ReadEntry(e)
		keys = append(keys, layout.Tweet(tweets[i]))
	}
	for _, id := range tweets {
		keys = append(keys, layout.Counts(id))
	}
	if p.authors {
		for _, e := range p.entries {
			_, author := layout.ReadEntry(e)
			keys = append(keys, layout.Author(author))
		}
	}
	if p.retweets {
		p.by = make([]int, n)
		for i, e := range p.entries {
			if by, _, ok := layout.ReadRetweet(e); ok {
				p.by[i], keys = len(keys), append(keys, layout.Author(by))
			}
		}
	}
	pieces := pipe.MGet(ctx, keys...)
	mine := pipe.HMGet(ctx, layout.Reactions(p.viewer), tweets...)
	if err := exec(ctx, pipe); err != nil {
		return err
	}
	p.pieces, p.mine = pieces.Val(), mine.Val()
	for i, v := range p.pieces {
		if _, ok := v.(string); !ok && (i < n || i >= 2*n) {
			return fmt.Errorf("there is no %s", keys[i])
		}
	}
	return nil
}

// append writes the edges.
func (p *page) append(b []byte) []byte {
	n := len(p.entries)
	b = append(b, `"edges":[`...)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"cursor":"`...)
		b = append(b, p.cursor(i)...)
		b = append(b, '"')
		if p.retweets {
			b = p.appendRetweet(b, i)
		}
		b = append(b, `,"node":{`...)
		b = append(b, p.pieces[i].(string)...)
		if p.authors {
			b = append(b, `,"author":{`...)
			b = append(b, p.pieces[2*n+i].(string)...)
			b = append(b, '}')
		}
		b = append(b, `,"reactions":{`...)
		b = appendReactions(b, p.pieces[n+i], p.mine[i])
		b = append(b, `}}`...)
	}
	return append(b, ']')
}

// appendRetweet writes who has brought an entry.
func (p *page) appendRetweet(b []byte, i int) []byte {
	if p.by[i] == 0 {
		return append(b, `,"retweet":null`...)
	}
	b = append(b, `,"retweet":{"user":{`...)
	b = append(b, p.pieces[p.by[i]].(string)...)
	return append(b, `}}`...)
}

func (p *page) cursor(i int) string {
	key, _ := layout.ReadEntry(p.entries[i])
	if p.retweets && p.by[i] != 0 {
		_, key, _ = layout.ReadRetweet(p.entries[i])
	}
	sortKey, _ := strconv.ParseInt(key, 10, 64) // the filler wrote it
	return cursors.Encode(p.kind, sortKey)
}

func (p *page) endCursor() string {
	if len(p.entries) == 0 {
		return ""
	}
	return p.cursor(len(p.entries) - 1)
}

// appendReactions writes the rest of an object with a tweet's counts and the viewer's reaction.
func appendReactions(b []byte, counts, mine any) []byte {
	piece, ok := counts.(string)
	if !ok {
		piece = layout.NoCounts
	}
	kind, ok := mine.(string)
	if !ok {
		kind = "NONE"
	}
	b = append(b, piece...)
	b = append(b, `,"viewerReaction":"`...)
	b = append(b, kind...)
	return append(b, `"}`...)
}
