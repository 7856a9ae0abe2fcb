package lifecycle

import (
	"context"
	"time"
)

const (
	// cleanEvery is how often a Cleaner looks for rows to remove, and cleanTimeout how long a batch may take.
	cleanEvery   = time.Minute
	cleanTimeout = 5 * time.Second
)

// Cleaner removes rows that are not needed any more: all of them each minute, in batches. It is a Service.
type Cleaner struct {
	Loop
	size  int
	batch func(ctx context.Context, size int) (removed int, err error)
}

// NewCleaner returns a cleaner. batch removes at most so many rows, and fewer only if there are no more that it can remove. warning is
// logged with its errors.
func NewCleaner(size int, warning string, batch func(ctx context.Context, size int) (removed int, err error)) *Cleaner {
	c := &Cleaner{size: size, batch: batch}
	c.Run = Steadily(cleanEvery, warning, func(ctx context.Context) error {
		_, err := c.Clean(ctx)
		return err
	}).Run
	return c
}

// Clean removes all rows that can be removed now, and returns their number.
func (c *Cleaner) Clean(ctx context.Context) (removed int, err error) {
	for ctx.Err() == nil {
		n, err := c.one(ctx)
		removed += n
		if err != nil || n < c.size {
			return removed, err
		}
	}
	return removed, ctx.Err()
}

func (c *Cleaner) one(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	return c.batch(ctx, c.size)
}
