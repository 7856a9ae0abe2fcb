// Package cache keeps copies of database rows in Redis. Once a write is acknowledged, no node serves the old row any more. The
// section "Promises" lists the few exceptions, each with a bound.
//
// # The problem
//
// The usual way to cache rows is to delete the cached copy after each write and to fill it on the next miss. That way serves
// stale rows even when nothing fails. A reader misses and reads the old row from SQL. A writer then commits and deletes the
// copy. Then the reader stores the row that it has read, and this old row stays in the cache until its time to live (TTL) ends.
// Faults add more cases: a writer is killed between commit and deletion; a replica that has missed the deletion is promoted; an
// old snapshot of Redis is restored. bench/policies measures how often this happens.
//
// Tier, the cache-aside tier of this package, prevents all of these cases except the few that "Promises" lists. It relies on
// three things: each row has a version in SQL, only the holder of a lease may fill an entry, and each entry remembers the
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
//	err = tier.Load(ctx, req) // req.Values[0] is the row; its Version is 0 if there is no such row
//
//	// Write. Invalidate after the commit and before the write is acknowledged.
//	err = tier.Invalidate(ctx, cache.Announcement{}, cache.Invalidation{Kind: users, Key: cache.EntryPrefix + "u:7", Version: 2})
//
// Some writes must not leave the old row visible even between commit and invalidation. Such a write calls Announce before its
// commit and passes the Announcement to Invalidate. For Roost's tables, package rows calls Announce and Invalidate.
//
// # The protocol
//
// An entry is one Redis hash. It holds either the row's data and version, or a minimum version, perhaps with a lease or with
// announcements of writes, which the scripts call intents; scripts/entry.lua lists the fields. A lease is the right to fill
// the entry, which one reader has at a time. Five Lua scripts, called the verbs, work on entries:
//
//   - LEASE returns the data if the entry has data. Otherwise it grants the lease, or reports that another reader holds the
//     lease ("busy") or that a write was announced ("intent").
//   - FILL stores the row that was read under a lease. It is refused if the reader has lost the lease, or if the row's version
//     is below the minimum version.
//   - INVALIDATE raises the minimum version to the version of a write, drops data and lease, and ends the write's
//     announcement. If the entry already has that version or a higher one, only the announcement ends. A writer may send the
//     row at exactly that version along. If the entry has data of a lower version, the row then replaces it, and the TTL
//     starts again. The row never goes into an entry without data.
//   - INTEND stores an announcement, and drops data and lease. Until the announcement ends, no lease is granted.
//   - RELEASE returns a lease that will not be used.
//
// A read first looks up all its keys with plain commands, in one pipeline for each server, without scripts. For each key that
// misses, the read then takes the lease, reads SQL, fills the entry, and returns the row. If the fill is refused, the read asks
// for the lease again. If another reader holds the lease, the read polls: after 1 ms at first, then at growing intervals of up
// to 25 ms.
//
// After 250 ms a reader stops waiting and falls back: it reads SQL without a lease, publishes the row's version by sending
// INVALIDATE with it, and returns the row without filling the entry. A reader falls back at once if it meets an
// announcement, if the value is too large, or if Redis refuses to store anything.
//
// A write commits the row with a higher version, sends INVALIDATE, and is then acknowledged. A write that announces itself
// sends INTEND before its commit. The transaction of every write also writes an event to the event log (package events). A
// relay reads the log, and confirms the invalidations of each event (see Confirm) until Redis has taken them.
//
// With Confirm a node makes its own reads at least as new as a position of the log. For each row that was changed according to
// the log, Confirm looks at the entry with a plain command. In most cases this is enough, because the entry has the event's
// version or a higher one, or has neither data nor lease. In the second case, a reader that takes a lease later also reads SQL
// later, and so sees the change. If the entry of a changed row is in neither state, Confirm invalidates it.
//
// Some versions are known only after the commit, by reading the row from SQL. Such a writer invalidates at the version that it has
// read, and sends the row along. A node that learns from the log that such a row was changed calls Refresh, the sibling of Confirm
// for changes without versions. Refresh looks at the entries in the same way, and then reads the rows of all entries that have data
// or a lease, once. It invalidates the entries that are older than these rows, and sends the rows along.
//
// An invalidation that Redis has not taken is pending. Until Redis has taken it, the node reads the key from SQL.
//
// # Copies in the process
//
// A process keeps copies of the entries that it has read, and uses a copy only while it is exactly what Redis would return. With a real
// Redis it learns of changes by client tracking. Each server has one connection, its link, on which CLIENT TRACKING is on. When a key
// that was read there is changed, deleted, evicted, expired or flushed, Redis puts a report into the link's output, in the middle of the
// other client's command. A command that the link sends later is answered after the report. So a read
//
//   - sends a barrier on the link after it has begun. The barrier is INFO replication, because no report says that a server was demoted
//     or promoted: a copy counts only under the replication id under which it was read. The keys without a copy are asked for in the
//     barrier's own pipeline;
//   - waits for the answer. The link has then handled all reports before it, and has dropped the copies of the reported keys;
//   - uses what is still a copy.
//
// Readers that come while a barrier is under way share the next one, and no reader joins a barrier that was sent. Reads with a common
// moment (package moment), such as those of one HTTP request, need one barrier together. It confirms the copies for all of them,
// because copies only become newer.
//
// A read that must ask a server may name further keys that will probably be read next (Request.Along). They are looked up in the same
// round trip and become copies, but are neither filled nor returned.
//
// The link alone makes copies, of the answers to its own plain reads, in the order of its stream. It adopts no key that was reported
// after the barrier's answer in the same call, and nothing if copies were dropped during the call. All copies of a server are dropped
// when its connection is replaced, when the server was flushed, or when it has another replication id. A copy lives no longer than its
// entry: its end is counted from before the request that asked for the entry's remaining life.
//
// A key that is written so often that its copies answer few reads is exempt for a second at a time: it is read untracked (CLIENT CACHING
// NO), and does not become a copy.
//
// If the link fails, its readers read Redis or SQL as if there were no copies. The same holds for servers that cannot report all
// changes, with a line in the log: a Redis Cluster before 7.2, whose nodes do not report the keys of slots that they lose, or a user
// without the right to CLIENT TRACKING. A link that is not used reads its reports every 50 ms at first, then once a second, and is
// closed after 30 s.
//
// The Redis of embedded mode cannot be changed by other processes, so copies need no barrier there: scripts drop the copies of their
// keys before and after they run, and nothing is adopted in between.
//
// A copy also holds what its data was decoded into, until the copy is dropped. Keys of letters and numbers have an ID, by which their
// copies are found without making a name. If all keys of a request have copies, no name is needed.
//
// Copies share a bound in bytes (Config.Copies) with what their callers keep beside them (Tier.Reserve). Those that were not read lately go
// first.
//
// # Promises
//
// Every read keeps these promises:
//
//   - It is not older than any write that was acknowledged before the read began. This holds in normal operation and through
//     flush, eviction, failover (even back to a server that was primary before), restart from an old snapshot, slot migration,
//     readers that pause between SQL and fill, and any mixture of these.
//   - It is not older than any read that ended before this one began.
//   - If a write announced a key with Announce, no read returns the old row of that key, even between commit and invalidation.
//
// The cost is bounded, too:
//
//   - Keys that hit cost one pipelined round trip to each server, and no script. All reads of one moment that find copies need one
//     short round trip together, and share it with other requests.
//   - A key that misses is read from SQL once, however many readers ask for it in this process and on other nodes, unless
//     readers fall back (see "The protocol").
//   - Keys that miss together are read by one call of the Loader; keys that other readers were filling may take a second call.
//
// For reads with a common moment, "before the read began" means before the moment began.
//
// These are the only exceptions to the promises, with their bounds:
//
//   - Redis is unreachable for the writing node, or refuses writes. Invalidate gives up after 1 s, or at once if the breaker is
//     open or Redis has refused everything for 1 s. Other nodes may serve the old entry until they have confirmed the write
//     themselves (Confirm). The writing node remembers up to 10,000 pending invalidations for each server and reads their keys
//     from SQL. If there are more, it reads nothing from that server until the relay has repeated them and the tier's caller
//     calls Resume.
//   - A writer is killed between commit and invalidation. Its write was not acknowledged, so the first promise does not cover
//     it. Other nodes may serve the old entry until they have confirmed the write.
//   - A node reads a row from SQL while it cannot reach Redis. It cannot publish the row's version, so a later read may be older if the
//     writer has not invalidated yet. A connection that was lost is no reason: the commands are sent once more on another one.
//   - After a failover a node still reaches the old primary. The bound is the TTL.
//   - Somebody runs SWAPDB on the Redis, which Redis does not report. The bound is the TTL.
//   - An announcement lasts AnnouncementTTL (5 s), and a flush, an eviction, a failover or a Refresh whose read of SQL fails
//     removes it earlier. The key is then like one that was not announced. The announced transaction must end before its announcement does.
//   - Whatever happens, a row is served from Redis for a bounded time after it was read from SQL: at most the entry's TTL,
//     which is at most MaxTTL (1 h), plus the lifetime of an unused lease (12 s), or plus the time until a writer that has
//     read the row has sent it.
//
// # What the tier needs from its caller
//
//   - Every transaction that changes a row raises the row's version.
//   - A row is kept when the thing that it describes is deleted, so that its version never starts again. A key without a row
//     has version 0.
//   - Loaders read the primary database in a transaction that begins after they are called.
//   - Invalidate runs after each commit, before the write is acknowledged. A row that is sent along was read from the primary
//     database in a transaction that began after the commit, and Version is its version.
//   - A relay repeats each invalidation until Redis has taken it, and every node that reads calls Confirm for the changes in
//     the log.
//   - All nodes are configured with the same servers. To change the list of servers of a ring, stop all nodes, and flush the
//     servers or wait for MaxTTL before you start nodes with the new list.
//
// # Why it holds
//
//   - A stale fill needs a reader that reads SQL before a commit and fills after the commit's invalidation. Such a reader took
//     its lease before it read SQL, and the invalidation drops that lease. Whatever loses the invalidation (eviction, flush, a
//     change of servers) loses the lease too, because both are fields of one hash.
//   - A row that a writer sends along may be old by the time it arrives. It only replaces data of a lower version v. As the entry
//     has data at v, no write above v was acknowledged, and no version above v was returned: INVALIDATE would have dropped the
//     data, or the reader that filled it would have read SQL later. The new row is committed and newer, so the entry is as right as
//     before. An entry without data proves nothing of the kind, because a flush removes the traces of newer writes.
//   - An entry outlives an invalidation only on a server that has missed the invalidation: a promoted replica, a primary that
//     comes back, a server that was restarted from a snapshot. Each of these sets a new replication id on the server. Every entry
//     carries a fence, which contains the replication id under which the entry was written; while the server has another id,
//     the entry counts as absent. The plain look-up asks for the id in the same pipeline (INFO replication, which costs Redis
//     about 1 µs), so the look-up is right even on a connection that survives a change of roles. An id of the server's process
//     would not be enough: see TestFailoverAndBack. Redis also takes a new replication id when it has had no replica for an
//     hour (repl-backlog-ttl). That costs one cold start.
//   - When a database is restored from a backup, its rows may have lower versions than their entries. The event log then begins
//     a new epoch. The fence contains the number of this epoch, too. A reader notes the number before it reads SQL for a fill,
//     and a writer before it commits. The fill or the invalidation, even a pending one, then applies to that epoch only, so
//     nothing of the old database enters the new epoch.
//   - A read can be older than an earlier read only if the earlier one returned a version that no entry held, and an older row
//     was filled later. To rule this out, a reader returns a version in two cases only: an accepted fill has put the version in
//     an entry, or the reader has first published it with INVALIDATE. Publishing drops every lease that was granted earlier, so
//     no older fill is accepted later.
//   - The minimum version makes Redis refuse fills from a database that lags. Redis remembers the minimum version for 10 s if
//     nobody reads the key. The minimum version also makes repeated invalidations cheap, because they write nothing.
//   - Readers can join a shared fetch from SQL only before its first command is sent, so no reader gets a result that was read
//     before the reader asked.
//   - A read looks up the pending invalidations before it asks Redis. If Redis takes one of them before the read has its
//     answer, the read still treats the answer for the invalidated key as old.
//
// The tests explore the protocol breadth-first, with the verbs as pure functions (model_test.go). They compare these functions
// with the scripts on real servers (conformance_test.go). They run random schedules of the tier over servers that fail over
// (schedule_test.go). Finally, mutants_test.go leaves out each part of the protocol in turn and shows that the tests notice.
//
// # Connections
//
// A call waits at most 250 ms for Redis. Every server has a breaker. After three failed calls in a row the breaker opens:
// further calls fail at once and do not reach the server. Every 500 ms the breaker lets one call through, whose success closes
// it. So a server that hangs delays only one request every 500 ms, and a server that comes back is used again within a second.
// Any answer counts as success, even an error that Redis returns. A process that is short of CPU time does everything late;
// Config.Late measures by how much. While it is late, a call waits up to 750 ms longer. A missing answer then says little about
// the server, so only 16 of them in a row count as one failure.
//
// Redis is one server, the primary that Sentinels name, a Redis Cluster, or a ring of independent servers (see Config). A batch
// may contain any mixture of keys, because every command and script has one key. The batch is split into one pipeline for each
// server, and all pipelines are sent in parallel. If a server is unreachable, its keys are read from SQL; all other keys are
// still read from Redis. For this, a Redis Cluster must be configured with "cluster-require-full-coverage no". A key whose
// server is unreachable is not moved to another server, because its own server might come back with old entries. A ring uses
// consistent hashing with virtual nodes, so a server that is added takes over only its share of the keys.
//
// In embedded mode Redis runs in the process (miniredis) without a port, so no other process can reach it. It keeps at most 40,000
// keys; beyond that it is flushed, which is harmless. A script takes half a millisecond there.
//
// # Limits
//
//   - A pipeline has at most 1,000 keys; larger batches are split.
//   - The data of an entry is at most 64 KiB. Larger values are read from SQL each time.
//   - Versions are at most 2^53, because Lua counts in doubles.
//   - At maxmemory without eviction nothing new is stored, while invalidations and announcements still work.
//
// Clear removes every entry. It is for writes that do not name their rows, such as a bulk import.
//
// # Persisted queries
//
// PersistedQueries stores GraphQL documents by hash. It looks in the process first, where the number of documents is bounded,
// and then in Redis. Redis keeps a document for a day. The day starts again whenever a node reads the document from Redis. It
// also starts again when a client sends the document, or uses it while the node still has it in its process; in these two cases
// at most once an hour for each node. A node may add 4 MiB at once and 2 KiB a second to Redis. Beyond that, a new document
// stays in the node's own process, and clients must send it again to other nodes.
package cache
