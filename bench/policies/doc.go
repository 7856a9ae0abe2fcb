// Package policies compares the common policies of caching database rows with Roost's policy. It measures what each costs, and
// how often readers see stale rows, on the same PostgreSQL and Redis. Roost itself uses only its own policy. The others are
// here so that figures show what Roost's policy costs and what it gains.
//
// # The policies
//
// All policies read the cache first; on a miss they read SQL and fill the cache. They differ in how they write:
//
//   - "delete, write", "write, delete", "set, write" and "write, set": cache-aside, where the entry is deleted or set, before or
//     after the row is written.
//   - write-through: the row is written, then the cache, while the process holds its lock for the key. Fills take this lock,
//     too.
//   - write-behind: only the cache is written at once; the process buffers the rows and writes them to SQL every 50 ms, in
//     batches.
//   - roost: cache.Tier. One statement writes the row and its event, then the writer calls Invalidate; a relay repeats the
//     invalidation of each event.
//
// Each policy runs as two nodes over one table and one Redis. A node is an object in this process with its own connections and memory.
//
// # The verdict
//
// A run records the history of reads and writes as clients see it, and the database's order of commits. [Check] judges the
// history:
//
//   - A read is stale if a newer write was acknowledged before the read began.
//   - A read goes back if an earlier read, which had ended before this one began, saw a newer version.
//   - A read is behind if a newer write, acknowledged or not, was committed before the read began. It is behind by the time
//     from that commit to the beginning of the read.
//   - A read is unwritten if it shows a change that was never committed.
//   - A write is lost if it was acknowledged and never committed.
//
// # The faults
//
//   - slow readers: one reader in ten pauses for up to 100 ms between reading SQL and filling the cache.
//   - flush: Redis is emptied every 300 ms.
//   - deaths: one write in ten ends between its two steps and is not acknowledged, and every second a node disappears with
//     everything that it had in memory.
package policies
