// Package policies measures the ways of keeping a cache beside a database that are common in the field, and Roost's,
// on the same PostgreSQL and Redis: what they cost, and what they show to readers. Roost has one way; the others
// are here so that its price and what it buys are figures.
//
// # The policies
//
// All read the cache first. On a miss the row comes from SQL and fills the cache. They differ in writing:
//
//   - delete, write / write, delete / set, write / write, set: cache-aside in its four orders.
//   - write-through: the row, then the cache, under a lock of the process for the key, which fills take, too.
//   - write-behind: the cache; rows follow every 50 ms, in batches, from a buffer in the process.
//   - roost: cache.Tier. The row and an event of it in one statement, then Invalidate; a relay repeats the
//     invalidations of events.
//
// Each runs as two nodes over one table and one Redis. A node is an object in this process with connections and
// memory of its own.
//
// # What is seen
//
// A history of reads and writes from outside, and the order of commits that the database gave. [Check] sweeps
// over it. A read is stale if a newer write was acknowledged before it began. It goes back if an earlier
// read that ended before it began saw a newer version. How far it is behind is the time since the first newer
// commit, acknowledged or not. It is of something unwritten if what it shows was never committed. A write is lost if
// it was acknowledged and never committed.
//
// # The faults
//
//   - slow readers: one of ten pauses up to 100 ms between reading SQL and filling.
//   - flush: Redis is emptied every 300 ms.
//   - deaths: one of ten writers ends between its two steps, unacknowledged, and every second a node
//     goes without notice, with all that it had in memory.
package policies
