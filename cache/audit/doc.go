// Package audit compares the entries of the cache with the rows in SQL.
//
// An Auditor compares every entry once, when an operator asks for it. A Sampler runs all the time: it compares a few entries at
// random and measures how long stale entries stay stale. An Auditor and a Sampler never fill, refresh or change an entry. An Auditor with
// Config.Repair removes entries that have a problem. This is safe at any time, because it has the same effect as an eviction.
//
//	report, err := audit.NewAuditor(tier, kinds...).Run(ctx, audit.Config{Repair: true, Examples: 10})
//
//	sampler := audit.NewSampler(tier, audit.SampleEvery, kinds...) // a lifecycle.Service and a prometheus.Collector
//
// # How entries are judged
//
// The Auditor and the Sampler read the row from SQL first, and then the entry.
//
//   - An entry is stale if its version is lower than that of the row just read from SQL, and its data differs from the row's.
//     Either a write is between its commit and its invalidation, which takes milliseconds, or the invalidation is missing. Time
//     separates the two cases. The Auditor looks again after SettleFor, which is longer than a writer and the relay need to
//     invalidate while Redis can be reached. The Sampler looks again and again until the entry is as new as the row was, or is
//     gone.
//   - If an entry is newer than the row just read, the row was usually written in between. If the entry is also newer than the
//     row that a second read of SQL returns, SQL has lost writes, for example because it was restored from a backup. This is
//     reported even if the data is equal, because the entry would hide all future writes up to its version.
//   - An entry with an older version and equal data counts as equal.
//
// # Cost and limits
//
// An Auditor sends one SQL statement and one pipeline at a time, for at most Batch keys, and compares at most Config.Rate keys
// a second, 5,000 by default. All keys of one statement are of the same kind. So when keys of all nine kinds come mixed,
// batches are not full, and the default rate needs up to 225 statements by primary key and as many pipelines a second. An
// Auditor holds in memory one batch (at most 2 x 200 x 64 KiB, usually some 100 KB), at most 10,000 keys to look at again, and
// at most 1,000 examples. Redis counts each comparison as an access to the key. So right after an audit, the eviction policies
// LRU and LFU are worse at recognizing the keys that are really in use.
//
// A Sampler costs a node with the role worker at most one SQL statement and two round trips to Redis a second, for at most 32
// keys. If an entry is newer than the row that SQL returned, the Sampler sends one more statement. While an entry is stale,
// each look at it costs one round trip and no SQL. The first look comes after 10 ms, and the pause doubles each time, up to a
// second. The Sampler watches at most 64 stale entries in this way and only counts further ones. When SQL or Redis does not
// answer, it skips that second.
package audit
