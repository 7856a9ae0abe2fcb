// Package cache keeps copies of database rows in Redis. Once a write is acknowledged, no node serves the copy that it replaced, except
// within the bounds that "Promises" lists.
//
// # The problem
//
// The usual way to cache rows is to delete the cached copy after each write and to fill it on the next miss. That way serves
// stale rows even when nothing fails. A reader misses and reads the old row from SQL. A writer then commits and deletes the copy.
// Then the reader stores what it has read, and the old row stays in the cache until its time to live (TTL) ends. Faults add more
// ways: a writer is killed between commit and deletion, a replica is promoted that has missed the deletion, a snapshot is restored.
// bench/policies measures how often this happens.
//
// Tier, the cache-aside tier of this package, closes all of these cases except the few listed below, each with a bound. It relies
// on three things: each row has a version in SQL, only the holder of a lease may fill an entry, and each entry remembers the
// minimum version that may be filled.
//
// SQL holds the truth and Redis only saves time. Redis may be flushed, stopped, full, failed over, restarted or unreachable at any
// moment. Every read and every write still succeeds, only more slowly.
//
// # Use
//
//	redis, err := cache.Open(cache.Config{URL: "redis://localhost:6379"})
//	tier, err := cache.NewTier(redis)
//	users := tier.Kind("user", 10*time.Minute, 30*time.Second)
//
//	// Read. Load is called with the keys that Redis does not have.
//	req := &cache.Request{Kind: users, Keys: []string{cache.EntryPrefix + "u:7"}, Load: readUsersFromSQL}
//	err = tier.Load(ctx, req) // req.Values[0] is the row; its Version is 0 if there is none
//
//	// Write. Invalidate after the commit and before the write is acknowledged.
//	err = tier.Invalidate(ctx, cache.Intent{}, cache.Invalidation{Kind: users, Key: cache.EntryPrefix + "u:7", Version: 2})
//
// Some writes must not leave the old row visible even between commit and invalidation. Such a write calls Intend before its
// commit and passes the Intent to Invalidate. Package rows makes these calls for Roost's tables.
//
// # The protocol
//
// An entry is one Redis hash. It holds the row's data and version, or a minimum version, a lease and intents; scripts/entry.lua
// lists its fields. Five scripts, the verbs, change entries:
//
//   - LEASE returns the data. If there is none, it grants the lease, or reports that another reader holds it ("busy") or that a
//     write was announced ("intent").
//   - FILL stores what was read under a lease. It is refused if the lease is gone or the version is below the minimum version.
//   - INVALIDATE raises the minimum version and drops data and lease. It changes nothing if the entry is at that version already.
//   - INTEND drops data and lease. Until the intent ends, no lease is granted.
//   - RELEASE returns a lease that will not be used.
//
// A read first looks up all its keys with plain commands, in one pipeline for each server, without scripts. For each key that
// misses it then takes the lease, reads SQL, fills the entry, and returns what it has filled. If the fill is refused, it starts
// again. If the lease is busy, it polls: after 1 ms at first, then at growing intervals of up to 25 ms.
//
// After 250 ms a reader stops waiting and falls back: it reads SQL without a lease, publishes the version that it has read with
// INVALIDATE, and returns the row without filling. Readers fall back at once if they meet an intent, if the value is too large,
// or if Redis refuses to store it.
//
// A write commits the row with a higher version, sends INVALIDATE, and is then acknowledged. It sends INTEND before the commit if
// it announces itself. The event log, which is written in the same transaction, repeats every invalidation: a relay sends it
// until Redis has taken it.
//
// Confirm is how a node makes its own reads at least as new as a position of the log. For each row that the log says has
// changed, Confirm looks at the entry with a plain command. In most cases nothing more is needed: the entry has the event's
// version or a higher one, or it has neither data nor lease. A reader that gets a lease later also reads SQL later, and so sees
// the change. Confirm invalidates all other entries.
//
// An invalidation that Redis has not taken is pending. The node reads such keys from SQL until Redis has taken it.
//
// # Promises
//
// Compared with every write that was acknowledged before a read began, and with every read that ended before it began:
//
//   - The read is not older than the write. That holds in normal running and through flush, eviction, failover (also back to a
//     server that was primary before), restart from an old snapshot, slot migration, readers that pause between SQL and fill, and
//     any mixture of these.
//   - The read is not older than what the earlier read returned.
//   - For keys that were announced with Intend, the read does not even show the old row between commit and invalidation.
//
// The cost is bounded, too:
//
//   - Keys that hit take one pipelined round trip a server and no script.
//   - A key that misses is read from SQL once, however many readers ask for it in this process and on other nodes, unless
//     readers fall back (see "The protocol").
//   - Keys that miss together are read by one call of the Loader; keys that others were filling may take a second call.
//
// These are the only exceptions, with their bounds:
//
//   - Redis is unreachable for the writing node, or refuses writes. Invalidate gives up after 1 s, or at once if the breaker is
//     open or Redis has refused everything for 1 s. Other nodes may serve the old entry until they have confirmed the write
//     themselves (Confirm). The writing node remembers up to 10,000 such keys for each server and reads them from SQL. With
//     more such keys it reads nothing from that server until its caller has seen the relay repeat them, and calls Resume.
//   - A writer is killed between commit and invalidation. Its write was not acknowledged; other nodes serve the old entry until
//     they have confirmed the write.
//   - A node reads SQL while Redis is unreachable for it. It cannot publish the version that it has read, so a later read
//     elsewhere may be older if the writer has not invalidated yet.
//   - A node still reaches a primary that was replaced. The bound is the TTL.
//   - An intent lasts IntentFor (5 s) and is lost by flush, eviction and failover. The key is then like any other. The announced
//     transaction must end before the intent does.
//   - Whatever happens, an entry is not served for longer than the lifetime of an unused lease (12 s) plus its TTL, which is at
//     most MaxTTL (1 h).
//
// # What the tier needs from its caller
//
//   - Every transaction that changes a row raises its version.
//   - Rows stay when the thing that they describe is deleted, so that versions never start again. A key without a row has
//     version 0.
//   - Loaders read the primary database in a transaction that begins after they are called.
//   - Invalidate runs after each commit, before the write is acknowledged.
//   - A relay repeats each invalidation until Redis has taken it, and every node that reads calls Confirm.
//   - All nodes name the same servers. To change the list of a ring, stop all nodes, then flush the servers or leave them alone
//     for MaxTTL.
//
// # Why it holds
//
//   - A stale fill needs a reader that read SQL before a commit and fills after its invalidation. Such a reader took its lease
//     before it read SQL, and the invalidation drops the lease. Whatever loses the invalidation (eviction, flush, another server)
//     loses the lease too, because both are fields of one hash.
//   - An entry that outlives an invalidation needs a server that has missed it: a promoted replica, a primary that comes back, a
//     snapshot. Each of these begins a new epoch of the server, with a new replication id. Every entry carries the fence, which
//     is the replication id under which it was written; under any other fence it counts as absent. The plain look-up asks for
//     the id in the same pipeline (INFO replication, about 1 µs of Redis), so connections that survive a change of roles are
//     right as well. The id of the server's process would not do: see TestFailoverAndBack. Redis also takes a new id when it has
//     had no replica for an hour (repl-backlog-ttl), which costs one cold start.
//   - A database that is restored from a backup has rows with lower versions than their entries. The log then begins a new epoch,
//     and the fence contains the number of the log's epoch. Each operation notes the log's epoch first: a fill
//     before it reads SQL, an invalidation, also a pending one, before its commit. It applies to that epoch only, so nothing of
//     the old database enters the new epoch.
//   - A read goes back only if some read returned a version that no entry held, and an older fill was accepted later. To rule
//     this out, a reader returns a version in two cases only: an accepted fill has put it in an entry, or the reader has first
//     published it with INVALIDATE. Publishing drops every lease that was granted earlier, so no older fill is accepted later.
//   - The minimum version refuses fills from a database that lags, for as long as Redis remembers it (10 s without readers). It
//     also makes repeated invalidations free.
//   - Readers that share a fetch joined it before its first command, so its result is from after they asked.
//   - The pending invalidations are noted before Redis is asked. If Redis takes one of them before the read
//     has its answer, the read still treats that answer as old.
//
// The tests explore the protocol breadth-first (model_test.go), with the verbs as pure functions that are compared with the
// scripts on real servers (conformance_test.go). They run random schedules of the tier over servers that fail over
// (schedule_test.go), and show that leaving out any part of the protocol is noticed (mutants_test.go).
//
// # Connections
//
// A call waits at most 250 ms for Redis. Every server has a breaker. After three failures in a row it opens, and calls fail at
// once without touching the server. Every 500 ms one call is let through; its success closes the breaker. So a server that hangs
// delays one request in 500 ms, and a server that comes back is used again within a second. Any answer counts as success, also an
// error that Redis returns. A process that lacks CPU time does everything late (Config.Late). A call then waits up to 750 ms longer,
// and because a missing answer says little about the server then, 16 of them in a row count as one failure.
//
// Redis is one server, the primary that Sentinels name, a Redis Cluster, or a ring of independent servers (see Config). Every
// command and script has one key, and a batch is sent as one pipeline to each server, all servers in parallel, so any mixture
// of keys is accepted. Keys of a server that is unreachable are read from SQL; all others stay warm. For this, a Redis Cluster
// must have cluster-require-full-coverage no. Neither ring nor tier moves a key elsewhere because its server is unreachable:
// the server might come back with old entries. A ring hashes addresses with virtual nodes, so one more server moves only its
// share of keys.
//
// In embedded mode Redis runs in the process (miniredis) without a port, so no other process can reach it. It keeps at most 40,000
// keys; beyond that it is flushed, which is harmless. A script takes half a millisecond there.
//
// # Limits
//
//   - A pipeline has at most 1,000 keys; larger batches are split.
//   - Data is at most 64 KiB. Larger values are read from SQL each time.
//   - Versions are at most 2^53, because Lua counts in doubles.
//   - At maxmemory without eviction nothing new is stored, while invalidations and intents still work.
//
// Clear removes every entry. It is for writes that do not name their rows, such as a bulk import.
//
// # Persisted queries
//
// PersistedQueries stores GraphQL documents by hash. It looks in the process first, where the number of documents is bounded,
// and then in Redis. Redis keeps a document for a day. Sending the document starts the day again; so does using it, at most
// once an hour. A node may add 4 MiB at once and 2 KiB a second to Redis. Beyond that a document stays with the node, and
// clients send it to other nodes again.
package cache
