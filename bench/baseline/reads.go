package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"roost/bench/layout"
	"roost/internal/cursors"
	"roost/internal/ids"
)

// The sizes of the measured pages.
const (
	homePage    = 20
	profilePage = 10
)

var errUnauthenticated = errors.New("the session key is not valid")

// reads answers reads from Redis.
type reads struct{ rdb *redis.Client }

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 16<<10); return &b }}

// answer writes the bytes that make appends to an empty buffer.
func answer(w http.ResponseWriter, make func([]byte) ([]byte, error)) {
	p := buffers.Get().(*[]byte)
	defer buffers.Put(p)
	b, err := make((*p)[:0])
	*p = b
	switch {
	case errors.Is(err, errUnauthenticated):
		http.Error(w, err.Error(), http.StatusUnauthorized)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(b)))
		_, _ = w.Write(b) // a client that left
	}
}

// session is the user who sends a request. viewer is the user that the key names; the first round trip confirms it.
type session struct {
	viewer    int64
	confirmed *redis.StringCmd
}

func claim(ctx context.Context, pipe redis.Pipeliner, r *http.Request) (session, error) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	viewer, valid := layout.Viewer(key)
	if !ok || !valid {
		return session{}, errUnauthenticated
	}
	return session{viewer: viewer, confirmed: pipe.Get(ctx, layout.Session(key))}, nil
}

// check fails unless the stored session belongs to the user whom its key names.
func (s session) check() error {
	if id, err := s.confirmed.Int64(); err != nil || id != s.viewer {
		return errUnauthenticated
	}
	return nil
}

func (h *reads) home(w http.ResponseWriter, r *http.Request) {
	h.homePage(w, r, layout.Home, false)
}

func (h *reads) homeRetweets(w http.ResponseWriter, r *http.Request) {
	h.homePage(w, r, layout.HomeRetweets, true)
}

// homePage answers with a page of the list whose key listOf returns.
func (h *reads) homePage(w http.ResponseWriter, r *http.Request, listOf func(viewer int64) string, retweets bool) {
	answer(w, func(b []byte) ([]byte, error) {
		ctx := r.Context()
		pipe := h.rdb.Pipeline()
		who, err := claim(ctx, pipe, r)
		if err != nil {
			return b, err
		}
		list := pipe.LRange(ctx, listOf(who.viewer), 0, homePage)
		if err := exec(ctx, pipe); err != nil {
			return b, err
		}
		if err := who.check(); err != nil {
			return b, err
		}
		p := page{kind: cursors.Home, authors: true, retweets: retweets, viewer: who.viewer}
		p.take(list.Val(), homePage)
		if err := p.load(ctx, h.rdb.Pipeline()); err != nil {
			return b, err
		}
		b = append(b, `{"data":{"viewer":{"homeTimeline":{`...)
		b = p.append(b)
		b = append(b, `,"pageInfo":{"hasNextPage":`...)
		b = strconv.AppendBool(b, p.more)
		b = append(b, `,"endCursor":`...)
		b = strconv.AppendQuote(b, p.endCursor())
		return append(b, `}}}}}`...), nil
	})
}

func (h *reads) profile(w http.ResponseWriter, r *http.Request) {
	answer(w, func(b []byte) ([]byte, error) {
		ctx := r.Context()
		name := r.PathValue("username")
		pipe := h.rdb.Pipeline()
		who, err := claim(ctx, pipe, r)
		if err != nil {
			return b, err
		}
		head := pipe.MGet(ctx, layout.Profile(name), layout.ProfileCounts(name))
		follows := pipe.SIsMember(ctx, layout.Following(who.viewer), name)
		list := pipe.LRange(ctx, layout.Timeline(name), 0, profilePage-1)
		if err := exec(ctx, pipe); err != nil {
			return b, err
		}
		if err := who.check(); err != nil {
			return b, err
		}
		p := page{kind: cursors.Timeline, viewer: who.viewer}
		p.take(list.Val(), profilePage)
		if err := p.load(ctx, h.rdb.Pipeline()); err != nil {
			return b, err
		}
		b = append(b, `{"data":{"user":{`...)
		for _, v := range head.Val() {
			text, ok := v.(string)
			if !ok {
				return b, fmt.Errorf("there is no user %q", name)
			}
			b = append(append(b, text...), ',')
		}
		b = append(b, `"viewerIsFollowing":`...)
		b = strconv.AppendBool(b, follows.Val())
		b = append(b, `,"timeline":{`...)
		b = p.append(b)
		return append(b, `}}}}`...), nil
	})
}

func (h *reads) summaries(w http.ResponseWriter, r *http.Request) {
	answer(w, func(b []byte) ([]byte, error) {
		ctx := r.Context()
		_, list, _ := strings.Cut(r.URL.RawQuery, "ids=")
		var tweets, keys []string
		for global := range strings.SplitSeq(list, ",") {
			id, ok := ids.Tweet(global)
			if !ok {
				return b, fmt.Errorf("%q is not a tweet's id", global)
			}
			tweets = append(tweets, strconv.FormatInt(id, 10))
			keys = append(keys, layout.Counts(tweets[len(tweets)-1]))
		}
		pipe := h.rdb.Pipeline()
		who, err := claim(ctx, pipe, r)
		if err != nil {
			return b, err
		}
		counts := pipe.MGet(ctx, keys...)
		mine := pipe.HMGet(ctx, layout.Reactions(who.viewer), tweets...)
		if err := exec(ctx, pipe); err != nil {
			return b, err
		}
		if err := who.check(); err != nil {
			return b, err
		}
		b = append(b, `{"data":{"reactionSummaries":[`...)
		for i := range tweets {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendReactions(append(b, '{'), counts.Val()[i], mine.Val()[i])
		}
		return append(b, `]}}`...), nil
	})
}

// exec runs a pipeline. A key that does not exist is not an error.
func exec(ctx context.Context, pipe redis.Pipeliner) error {
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	return nil
}
