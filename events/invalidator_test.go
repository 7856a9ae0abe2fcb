package events

import (
	"context"
	"errors"
	"slices"
	"testing"

	"roost/internal/errs"
)

// recorder is an invalidator that records its calls.
type recorder struct {
	said           []string
	forget, behind error
}

func (r *recorder) Begin(context.Context, []Event) func(committed bool) {
	r.said = append(r.said, "announced")
	return func(committed bool) {
		r.said = append(r.said, map[bool]string{true: "invalidated", false: "withdrawn"}[committed])
	}
}

func (r *recorder) Invalidate(context.Context, []Event) error {
	r.said = append(r.said, "dropped")
	return r.forget
}

func (r *recorder) CatchUp(context.Context) error {
	r.said = append(r.said, "caught up")
	return r.behind
}

// Copies are out of use before observers, such as the hub of live updates, get a write, and before it is
// acknowledged. What a transaction finds done is shown before that is acknowledged: its rows are dropped if they are
// known, else, or if that fails, the copies catch up.
func TestInvalidationBeforeObservers(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	for name, x := range map[string]struct {
		forget, behind error
		do             func(ctx context.Context, tx *Tx) error
		want           []string
		unavailable    bool
	}{
		"a write": {do: func(ctx context.Context, tx *Tx) error { return add(ctx, tx, 1) },
			want: []string{"announced", "invalidated", "observed"}},
		"a refusal": {do: func(_ context.Context, tx *Tx) error {
			tx.AlreadyDone()
			return away
		}},
		"found": {do: func(_ context.Context, tx *Tx) error {
			tx.AlreadyDone(TweetPosted{TweetID: 1})
			return nil
		}, want: []string{"dropped"}},
		"found, not dropped": {forget: away, do: func(_ context.Context, tx *Tx) error {
			tx.AlreadyDone(TweetPosted{TweetID: 1})
			return nil
		}, want: []string{"dropped", "caught up"}},
		"written, relying on others": {do: func(ctx context.Context, tx *Tx) error {
			tx.Relies(TweetPosted{TweetID: 7})
			return add(ctx, tx, 1)
		}, want: []string{"dropped", "announced", "invalidated", "observed"}},
		"written, relying on others that cannot be dropped": {forget: away, unavailable: true, do: func(ctx context.Context, tx *Tx) error {
			tx.Relies(TweetPosted{TweetID: 7})
			return add(ctx, tx, 1)
		}, want: []string{"dropped"}},
		"found, of unknown rows": {do: func(_ context.Context, tx *Tx) error {
			tx.AlreadyDone()
			return nil
		}, want: []string{"caught up"}},
		"found, by a node that is behind": {behind: away, unavailable: true, do: func(_ context.Context, tx *Tx) error {
			tx.AlreadyDone()
			return nil
		}, want: []string{"caught up"}},
		"found and written": {behind: away, do: func(ctx context.Context, tx *Tx) error {
			tx.AlreadyDone()
			return add(ctx, tx, 1)
		}, want: []string{"announced", "invalidated", "caught up", "observed"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *store) {
				r := &recorder{forget: x.forget, behind: x.behind}
				s.SetInvalidator(r)
				s.Observe(func([]Event) { r.said = append(r.said, "observed") })
				err := s.Write(t.Context(), x.do)
				if errs.Is(err, errs.Unavailable) != x.unavailable || name != "a refusal" && !x.unavailable && err != nil {
					t.Errorf("it returns %v", err)
				}
				if !slices.Equal(r.said, x.want) {
					t.Errorf("it went %v, want %v", r.said, x.want)
				}
			})
		})
	}
}
