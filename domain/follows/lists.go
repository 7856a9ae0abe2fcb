package follows

import (
	"context"

	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// Followers reads pages of several users' followers, newest first.
func (f *Follows) Followers(ctx context.Context, keys []sqldb.Key) (map[sqldb.Key]cursors.Page[Entry], error) {
	return followers.Pages(ctx, f.db.Driver, keys)
}

// Following reads pages of the people whom several users follow, newest first.
func (f *Follows) Following(ctx context.Context, keys []sqldb.Key) (map[sqldb.Key]cursors.Page[Entry], error) {
	return following.Pages(ctx, f.db.Driver, keys)
}
