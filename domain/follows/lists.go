package follows

import (
	"context"

	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// Followers reads pages of several users' followers in one statement, the newest follow first. Suspended users are among them.
func (f *Follows) Followers(ctx context.Context, keys []sqldb.Key) (map[sqldb.Key]cursors.Page[Entry], error) {
	return followers.Pages(ctx, f.db.Driver, keys)
}

// Following reads pages of the users whom several users follow in one statement, the newest follow first. Suspended users are among them.
func (f *Follows) Following(ctx context.Context, keys []sqldb.Key) (map[sqldb.Key]cursors.Page[Entry], error) {
	return following.Pages(ctx, f.db.Driver, keys)
}
