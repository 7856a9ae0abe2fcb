// Package rows defines which rows of Roost's tables are cached: under which keys (keys.go), in which form (users.go, tweets.go and
// codec.go), for how long, and which events invalidate them (invalidation.go).
//
// A Store has one Entity for each kind of row. Every row has a version that each write raises. A row that does not exist has
// version 0; its absence is cached as well, for a shorter time.
//
//	store, err := rows.New(tier, sources)
//	q, r := store.Accounts.Ask(userIDs), store.Tweets.Ask(tweetIDs)
//	store.Answer(ctx, q.Request(), r.Request())
//	account, ok, err := q.At(ctx, 0) // of userIDs[0]
//
// Answer reads all rows that Redis has in one pipelined round trip to each server, and the others with one SQL statement for
// each entity. Store, Entity and the values that they return are safe for concurrent use; nobody may change the values.
//
// Two background services of each node keep its reads as new as the event log. The follower (Store.Follow) confirms the
// invalidations of an event before the node reports a position that covers the event. Recovery (Store.Recovery) sends the
// node's pending invalidations, which Redis has not taken yet. In addition, one worker runs the consumer group of Store.Relay
// for all nodes. This group repeats every invalidation until Redis has taken it.
//
// Package cache states what reads promise; docs/consistency.md states this for each field of the API. The stored form of a row
// changes only in such a way that nodes of two releases do not take each other's entries for their own: TestForms compares all
// forms with testdata, and TestFormsOfTwoReleases shows that for those which have changed.
package rows
