package cache

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// markFields are the fields of a mark that readers use.
var markFields = []string{"generation", "epoch", "seq", "settled", "except"}

// Stored is a list as it was read, after its mark: it has everything that the mark covers.
type Stored struct {
	Mark     Mark
	Elements []string // none if the list does not exist
	// Left is how much longer the list is kept.
	Left time.Duration
}

// Read reads the list of an owner and the mark of its section, in one round trip.
func (l *Lists) Read(ctx context.Context, owner int64) (s Stored, err error) {
	key := listKey(owner)
	var mark *redis.SliceCmd
	var elements *redis.StringSliceCmd
	var left *redis.DurationCmd
	if err := l.pipeline(ctx, key, func(p redis.Pipeliner) {
		mark = p.HMGet(ctx, markKey(Section(owner)), markFields...)
		elements, left = p.LRange(ctx, key, 0, -1), p.PTTL(ctx, key)
	}); err != nil {
		return s, fmt.Errorf("read a list: %w", err)
	}
	if err := errors.Join(mark.Err(), elements.Err(), left.Err()); err != nil {
		l.redis.noteMoved(ctx, err)
		return s, fmt.Errorf("read a list: %w", err)
	}
	s.Mark, err = readMark(mark.Val())
	s.Elements, s.Left = elements.Val(), left.Val()
	return s, err
}

func (l *Lists) pipeline(ctx context.Context, key string, add func(p redis.Pipeliner)) error {
	s, err := l.redis.route(ctx, key)
	if err != nil {
		return err
	}
	return l.redis.pipeline(ctx, s, add)
}

// readMark reads the fields of a mark; a mark that is not there is zero.
func readMark(fields []any) (m Mark, err error) {
	texts := make([]string, len(markFields))
	for i, f := range fields {
		text, ok := f.(string)
		if !ok {
			return Mark{}, nil
		}
		texts[i] = text
	}
	m.Generation = texts[0]
	for i, into := range []*int64{&m.Epoch, &m.Seq, &m.Settled} {
		if *into, err = strconv.ParseInt(texts[i+1], 10, 64); err != nil {
			return Mark{}, fmt.Errorf("read a mark: %w", err)
		}
	}
	for text := range strings.SplitSeq(strings.TrimPrefix(texts[4], ","), ",") {
		if text == "" {
			continue
		}
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return Mark{}, fmt.Errorf("read a mark: %w", err)
		}
		m.Except = append(m.Except, id)
	}
	return m, nil
}

// Keep makes a list last.
func (l *Lists) Keep(ctx context.Context, owner int64, life time.Duration) error {
	return l.redis.call(ctx, listKey(owner), func(ctx context.Context, c *redis.Client) error {
		return c.PExpire(ctx, listKey(owner), life).Err()
	})
}

// Drop removes a list.
func (l *Lists) Drop(ctx context.Context, owner int64) error {
	return l.redis.call(ctx, listKey(owner), func(ctx context.Context, c *redis.Client) error {
		return c.Unlink(ctx, listKey(owner)).Err()
	})
}

// Begin replaces a list whose first element begins with before, or that does not exist if before is empty, by one with the element first.
// From then on the list collects what is appended. The list ends after life unless Finish replaces the element. ok is false if the list is
// another one, which somebody else has begun meanwhile, or if the section has no mark.
func (l *Lists) Begin(ctx context.Context, owner int64, before, first string, life time.Duration) (m Mark, ok bool, err error) {
	var fields []any
	err = l.redis.call(ctx, listKey(owner), func(ctx context.Context, c *redis.Client) error {
		fields, err = c.Eval(ctx, l.begin.text, []string{listKey(owner), markKey(Section(owner))},
			before, len(before), first, life.Milliseconds()).Slice()
		return err
	})
	if err != nil || len(fields) == 0 {
		return m, false, wrap("begin a list", err)
	}
	m, err = readMark(fields)
	return m, err == nil && m.Generation != "", err
}

// Finish replaces the first element, which Begin has set, and reports whether it was still there.
func (l *Lists) Finish(ctx context.Context, owner int64, began, first string, life time.Duration) (ok bool, err error) {
	err = l.redis.call(ctx, listKey(owner), func(ctx context.Context, c *redis.Client) error {
		ok, err = c.Eval(ctx, l.finish.text, []string{listKey(owner)}, began, first, life.Milliseconds()).Bool()
		return err
	})
	return ok, wrap("finish a list", err)
}

// Replace replaces the first n elements, of which the first begins with before, by others, and reports whether the list was still that one.
func (l *Lists) Replace(ctx context.Context, owner int64, before string, n int, by []string) (ok bool, err error) {
	args := []any{before, len(before), n}
	for _, e := range by {
		args = append(args, e)
	}
	err = l.redis.call(ctx, listKey(owner), func(ctx context.Context, c *redis.Client) error {
		ok, err = c.Eval(ctx, l.replace.text, []string{listKey(owner)}, args...).Bool()
		return err
	})
	return ok, wrap("replace elements of a list", err)
}

func wrap(what string, err error) error {
	if err == nil || errors.Is(err, redis.Nil) {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
