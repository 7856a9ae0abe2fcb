// Package audit compares what the cache holds with SQL.
//
// An Auditor compares every entry once, when an operator asks for it. A Sampler runs all the time: it compares a few entries at
// random and measures for how long stale ones stay stale. Neither fills, refreshes or changes an entry. Entries are
// removed only by an Auditor with Config.Repair; that is safe at any time, because eviction does the same.
//
//	report, err := audit.NewAuditor(tier, kinds...).Run(ctx, audit.Config{Repair: true, Examples: 10})
//
//	sampler := audit.NewSampler(tier, audit.SampleEvery, kinds...) // a lifecycle.Service and a prometheus.Collector
//
// # How entries are judged
//
// Both read SQL first and then the entry.
//
//   - An entry is stale at that moment if its version is lower than that of the row just read from SQL, and its data differs.
//     Either a write is between its commit and its invalidation, which takes milliseconds, or its invalidation is missing. Time
//     separates them: the Auditor looks again after SettleFor, which is longer than a writer and the relay need while Redis is
//     there. The Sampler looks again until the entry changes or is gone.
//   - An entry that is newer than the row just read was usually written in between. If it is also newer than what SQL
//     returns afterwards, SQL has lost writes (it was restored from a backup, say). That is reported even if the data is equal,
//     because the entry would hide all coming writes up to its version.
//   - An entry with an older version and equal data counts as equal.
//
// # Cost and limits
//
// An Auditor sends one SQL statement and one pipeline at a time, for at most Batch keys, and compares at most Config.Rate keys
// a second, 5,000 by default. A batch has keys of one kind only. So when keys of all nine kinds come mixed, batches are not
// full, and the default rate takes up to 225 statements by primary key and as many pipelines a second. It holds one batch in
// memory (at most 2 x 200 x 64 KiB, usually some 100 KB), at most 10,000 keys to look at again, and at most 1,000 examples.
// Redis counts each comparison as an access to the key, so right after an audit LRU and LFU are less able to find the keys that
// are really in use.
//
// A Sampler costs a node with the role worker at most one SQL statement and two round trips to Redis a second, for at most 32 keys.
// An entry that is newer than what SQL returned costs one more statement. While an entry is stale, each look at it costs one round
// trip and no SQL: the first after 10 ms, the next after twice that, and so on up to once a second. The Sampler watches at most 64
// stale entries and only counts the others. When SQL or Redis does not answer, it skips that second.
package audit
