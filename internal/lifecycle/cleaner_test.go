package lifecycle

import (
	"context"
	"errors"
	"testing"
)

// A cleaner goes on until a batch is not full, has failed, or its context has ended, and returns what was removed until then.
func TestCleaner(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, c := range []struct {
		name          string
		batches       []int
		err           error // of the last batch
		leaves        bool
		calls, remove int
		want          error
	}{
		{"nothing", []int{0}, nil, false, 1, 0, nil},
		{"less than a batch", []int{3, 9}, nil, false, 1, 3, nil},
		{"full batches", []int{5, 5, 0, 9}, nil, false, 3, 10, nil},
		{"a failure", []int{5, 2}, broken, false, 2, 7, broken},
		{"a failure of a full batch", []int{5, 5}, broken, false, 2, 10, broken},
		{"an end", []int{5, 5, 5}, nil, true, 1, 5, context.Canceled},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		cleaner := NewCleaner(5, "not removed", func(ctx context.Context, size int) (int, error) {
			if _, ok := ctx.Deadline(); !ok || size != 5 {
				t.Errorf("%s: a batch of %d has a deadline: %v", c.name, size, ok)
			}
			if calls++; c.leaves {
				cancel()
			}
			if calls == len(c.batches) {
				return c.batches[calls-1], c.err
			}
			return c.batches[calls-1], nil
		})
		if n, err := cleaner.Clean(ctx); n != c.remove || calls != c.calls || !errors.Is(err, c.want) {
			t.Errorf("%s: %d rows in %d batches, %v; want %d in %d, %v", c.name, n, calls, err, c.remove, c.calls, c.want)
		}
		cancel()
	}
}
