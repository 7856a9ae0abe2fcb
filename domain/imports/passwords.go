package imports

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// passwords sets the password of accounts of earlier imports of the source that have none. New accounts were written with it.
func (r *run) passwords(ctx context.Context) error {
	if r.PasswordHash == "" {
		return nil
	}
	if err := r.loadUsers(ctx); err != nil {
		return err
	}
	// In the order of the ids, so that no two writers wait for each other.
	for some := range slices.Chunk(slices.Sorted(maps.Values(r.users)), r.ChunkLines) {
		c := &chunk{run: r}
		err := c.transact(ctx, func() error { return c.setPasswords(ctx, some) })
		if err != nil {
			return err
		}
		r.report.Passwords += c.inserted
	}
	return nil
}

func (c *chunk) setPasswords(ctx context.Context, users []int64) error {
	res, err := c.tx.ExecContext(ctx, "UPDATE users SET password_hash = $1, version = version + 1 WHERE password_hash IS NULL AND "+
		c.DB.Member("id", "$2"), c.PasswordHash, c.DB.List(users))
	if err != nil {
		return fmt.Errorf("set passwords: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return err
	}
	c.inserted = n
	return c.append(ctx, c.files.users.name, n)
}
