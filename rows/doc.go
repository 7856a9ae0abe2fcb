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
// Answer reads everything that Redis has in one pipelined round trip a server, and the rest with one SQL statement for each
// entity. Store, Entity and the values that they return are safe for concurrent use; nobody may change the values.
//
// Two background services keep a node's reads true to the event log. The follower (Store.Follow) confirms each event's
// invalidations before the node reports its position. Recovery sends the invalidations that Redis has not taken yet. The
// consumer group of Store.Relay, which one worker runs for all nodes, repeats every invalidation until Redis has taken it.
//
// Package cache states what is promised of reads; docs/consistency.md states it field by field. A stored form never changes
// under the same key: TestForms compares all forms with testdata and fails until cache.EntryPrefix has a new version.
package rows
