// Package audit compares what the cache holds with SQL.
//
// An Auditor looks at every entry once, when an operator asks. A Sampler looks at a few at random all the time,
// and measures for how long those that are stale stay so. Neither fills, refreshes or changes an entry; only an
// Auditor that is told to repair removes what differs, which is what eviction does at any time.
//
// Both read SQL first and then the entry. An entry that is older than what SQL said before is stale at that
// moment: a write is between its commit and its invalidation, which is milliseconds, or the invalidation is
// missing. Which of both it is only time tells: the Auditor looks again after SettleFor, longer than a writer and
// the relay take with Redis there; the Sampler looks until the entry changes or goes. An entry that is newer was
// written in between; one that is newer than what SQL says afterwards is newer than SQL, which has lost writes
// (restored from a backup, say), and is found even if its data is the same: the writes up to its version would
// not be seen. Older versions with equal data are equal.
//
// # Cost and limits
//
// An Auditor sends one SQL statement and one pipeline at a time, for at most Batch keys, and looks at no more
// than Config.Rate keys a second, 5,000 unless told otherwise: with all kinds mixed up to 225 statements by primary
// key and as many pipelines a second. It holds one batch (at most 2 x 200 x 64 KiB, usually some
// 100 KB), at most 10,000 keys that it must look at again, and at most 1,000 examples. To Redis a look is an
// access: right after an audit LRU and LFU know less about what is used.
//
// A Sampler costs a node with the role worker at most one SQL statement and two round trips of Redis a second,
// for at most 32 keys; only an entry that is newer than what SQL said costs one more statement. While something
// is stale it adds a round trip for each look at it, 10 ms after it was found and then ever more seldom, at last
// once a second; no SQL. It watches at most 64 keys, more are counted only. When SQL or Redis does not answer it
// skips.
package audit
