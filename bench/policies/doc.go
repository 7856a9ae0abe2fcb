// Package policies measures the common policies of caching database rows, and Roost's, on the same PostgreSQL and Redis: what they
// cost, and how often readers see stale rows. Roost itself has only its own policy. The others are here so that the price of Roost's
// policy, and what it buys, are figures.
//
// # The policies
//
// All policies read the cache first; on a miss they read SQL and fill the cache. They differ in their writes:
//
//   - "delete, write", "write, delete", "set, write" and "write, set": cache-aside, where the entry is deleted or set, before or
//     after the row is written.
//   - write-through: the row, then the cache, under the process' lock for the key. Fills take that lock, too.
//   - write-behind: the cache; a buffer in the process writes the rows every 50 ms, in batches.
//   - roost: cache.Tier. One statement writes the row and its event, then Invalidate; a relay repeats the invalidations of
//     events.
//
// Each policy runs as two nodes over one table and one Redis. A node is an object in this process with its own connections and memory.
//
// # The verdict
//
// A run records the history of reads and writes as clients see it, and the database's order of commits. [Check] judges it:
//
//   - A read is stale if a newer write was acknowledged before it began.
//   - A read goes back if a read that ended before it began saw a newer version.
//   - A read is behind if a newer write, acknowledged or not, was committed before it began; by how much is the time since that
//     commit.
//   - A read is of something unwritten if its change was never committed.
//   - A write is lost if it was acknowledged and never committed.
//
// # The faults
//
//   - slow readers: one of ten pauses up to 100 ms between reading SQL and filling.
//   - flush: Redis is emptied every 300 ms.
//   - deaths: one of ten writers ends between its two steps, unacknowledged, and every second a node disappears with everything
//     that it had in memory.
package policies
