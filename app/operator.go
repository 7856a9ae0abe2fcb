package app

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/suspensions"
	"roost/domain/tweets"
	"roost/events"
	"roost/internal/lifecycle"
)

// Operator is what commands of operators write with: outside of any node, and through the same log as requests.
type Operator struct {
	Accounts *accounts.Accounts
	Tweets   *tweets.Tweets
	server   bool
}

// WaitForNodes returns when all nodes that can read the log show who is suspended as it was when WaitForNodes was called, or when ctx ends.
// Nobody else uses an embedded database, so it then returns at once.
func (o Operator) WaitForNodes(ctx context.Context) error {
	if o.server {
		lifecycle.Pause(ctx, nil, suspensions.FollowedWithin)
	}
	return ctx.Err()
}

// OpenOperator opens the stores of a command that writes. In server mode the cached copies in Redis are invalidated before a write
// returns; if Redis does not answer, the running nodes do that from the log. The embedded database must not be in use; its cache begins
// empty with the next node. closeStores closes the stores.
func OpenOperator(ctx context.Context, c Config) (o Operator, closeStores func() error, err error) {
	if c.Server() {
		s, closeStores, err := openAuditStores(ctx, c, false)
		if err != nil {
			return o, nil, err
		}
		return Operator{s.sources.Accounts, s.sources.Tweets, true}, closeStores, nil
	}
	stores, err := OpenStores(ctx, c)
	if err != nil {
		return o, nil, err
	}
	sources := c.rowSources(stores, events.New(stores.Client, c.clock()))
	return Operator{sources.Accounts, sources.Tweets, false}, stores.Close, nil
}
