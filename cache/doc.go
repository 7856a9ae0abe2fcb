// Package cache is Roost's tier over Redis. SQL is the truth and Redis is speed: it may be flushed,
// stopped, hang, be full, fail over or be away at any moment, and everything still answers.
//
// # Connections
//
// A call waits at most 250 ms for Redis. Every server has a breaker: after three failures in a row calls
// fail at once, without touching it; every half second one may try again, and its success closes the
// breaker. So a server that hangs costs one request in half a second a wait, and one that comes back is
// used within a second. An answer is a success, also one that tells of an error. While the process itself runs late
// (Config.Late) a call has up to 750 ms more, and one without an answer says little about the server: 16 of them
// in a row count as one failure.
//
// Redis is one server, the primary that Sentinels name, a Redis Cluster, or a ring of independent servers
// (see Config). Every command and script has one key and batches are pipelines, one a server, sent at once,
// so no mixture of keys is refused. The keys of a server that is away come from SQL and all others stay
// warm; on a cluster that needs cluster-require-full-coverage no. Ring and tier never put a key elsewhere
// because a server is away: it might come back with what it was given before. A ring hashes addresses with
// virtual nodes: one server more moves only its share of the keys.
//
// Persisted queries are looked up in the process first, which bounds what it keeps. Redis keeps a document for
// a day after it was last sent or, at most once an hour, used. What a node may add there is bounded: 4 MiB at
// once, 2 KiB a second. Beyond that a document stays with the node, and its clients send it to others again.
//
// In embedded mode Redis runs in the process (miniredis), without a port: no other process can reach it. It
// keeps no more than 40,000 keys: beyond it is flushed, which by the first sentence is harmless. A script takes
// half a millisecond there.
//
// # The tier
//
// Tier keeps rows by key, each with the version that its row has in SQL, blind to what they are.
// What it promises of a read that began after a write was acknowledged, and after other reads ended:
//
//   - it is not older than the write: in normal running and through flush, eviction, failover (also to a
//     server that was primary before), restart from an old snapshot, slot migration, readers that hang
//     between reading SQL and filling, and any mixture of these;
//   - it does not go back behind what was read before;
//   - keys that were announced (Intend) leave not even the time between commit and invalidation.
//
// and of its cost: warm keys take one pipelined round trip a server and no script; a key that misses is
// read in SQL once, however many ask in the process and on other nodes; keys missed together are read in
// one call of the Loader.
//
// The bounds of these promises, and the only ones:
//
//   - Redis away for the node that writes, or refusing writes: Invalidate gives up after a second, or at once if
//     the breaker is open or Redis has refused everything for a second. Other nodes may read the old entry until
//     they have confirmed the write themselves (Confirm). The node itself remembers up to 10,000 such keys of each
//     server and reads them from SQL until Redis has taken their invalidations. If there are more it reads nothing
//     from that server until its caller, who follows the relay, calls Resume.
//   - a writer killed between commit and invalidation: as above, for its unacknowledged write.
//   - a node that reads SQL while Redis is away for it cannot tell that it has seen a version: what is read
//     elsewhere later may be older, if the writer of that version has not invalidated yet.
//   - a node that still reaches a primary that was replaced: the TTL.
//   - in any case the age of an entry is at most the life of an unused lease and the TTL: 12 s and MaxTTL (an
//     hour).
//   - intents hold IntentFor (5 s) and are lost by flush, eviction and failover; without them a key is as any
//     other. The announced transaction must end before.
//
// What it needs: versions that every writing transaction raises, rows that stay when what they stand for is
// deleted (so that versions never start again; a key without a row is version 0), loaders that read the
// primary in a transaction that begins after they are called, an Invalidate after each commit and before
// its acknowledgement, a relay that repeats it until Redis has taken it, and a Confirm on every node that
// reads. All nodes name the same servers; the list of a ring is
// changed with all nodes stopped, and the servers flushed or left alone for MaxTTL.
//
// # The protocol
//
// An entry is one hash; scripts/entry.lua tells its fields. There is a script for each verb:
//
//   - LEASE answers with data, with the right to fill, or that another has it or an intent stands.
//   - FILL stores what was read under a lease, if the lease still stands and the version is not below the
//     entry's floor.
//   - INVALIDATE raises the floor, drops data and lease; older or equal versions change nothing.
//   - INTEND drops data and lease, and keeps others out until it ends.
//   - RELEASE gives a lease back.
//
// A read that misses takes the lease, reads SQL, fills, and returns what it filled; if the fill is refused
// it asks again. Who finds the lease taken asks again, after a millisecond at first and every 25 ms later. After
// 250 ms a reader has waited enough: it reads SQL without a lease, tells Redis the version it has seen with
// INVALIDATE, and returns it.
// So do readers that find an intent, values that are too large, and those that Redis refuses to keep.
//
// Confirm is what a node does with each write of the log before it reports that position to anybody. Unlike
// INVALIDATE it begins with a plain look at the key, and mostly ends there. A key without data and without a lease needs
// nothing: whoever takes a lease later reads SQL later. A key at the version or above it needs nothing either. All
// others are invalidated, and what Redis does not take is owed: read from SQL until it has.
//
// Why that holds:
//
//   - A stale fill needs a reader that read SQL before a commit and fills after its invalidation. It holds a
//     lease from before its read. The invalidation drops it; whatever loses the invalidation (eviction,
//     flush, another server) loses the lease with it, for they lie in one hash.
//   - An entry that outlives an invalidation needs a server that did not see it: a replica that was promoted
//     without it, a primary that comes back, a snapshot. Each begins a reign, with a replication id of its
//     own; entries carry the id they were written under, and under any other they count as absent. The plain
//     read asks for the id in its pipeline (INFO replication, about a microsecond of Redis a pipeline), so
//     connections that live through a change of roles are right, too. An id of the process would not do: see
//     TestFailoverAndBack. Redis takes a new id also when it has had no replica for an hour
//     (repl-backlog-ttl): that is one cold start.
//   - A database that goes back has rows with smaller versions than their entries. The log is in another epoch then,
//     which is part of the fence, too. What is read, filled, invalidated or owed belongs to the epoch of before the
//     read of SQL or the commit, so that nothing of the old database gets into the new epoch.
//   - A read goes back if one returns what no entry holds, and an older fill is accepted later. So what is
//     returned is either in an entry, by an accepted fill, or told before: then leases from before are gone.
//   - The floor refuses what a database that lags gives, as long as Redis remembers (10 s without readers),
//     and makes repeated invalidations free.
//   - Readers that share a fetch joined it before its first command, so all it returns is from after they
//     asked.
//   - What is owed is noted before Redis is asked. A debt that is paid while the answer is under way does not
//     make the answer new.
//
// The tests explore the protocol breadth-first (model_test.go), with the verbs as pure functions that are
// compared with the scripts on real servers (conformance_test.go), run random schedules of the tier over
// servers that fail over (schedule_test.go), and see that taking any part away is noticed.
//
// # Limits
//
// Batches are split at 1,000 keys a pipeline. Data is at most 64 KiB; larger is read from SQL each time. At
// maxmemory without eviction nothing new is kept, while invalidations and intents still work. Versions are
// at most 2^53. There is one Loader call for keys missed together, another for those that others were
// filling.
//
// Clear begins a new epoch for writes that do not name their rows: it removes every entry.
package cache
