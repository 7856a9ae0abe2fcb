// Package homeaudit compares home timelines as nodes derive them with SQL, entry by entry.
//
// Package cache/audit compares each cached row with its own row in SQL. An Auditor compares what is made of many rows: the list of those
// whom a viewer follows, the lists of their newest entries, the page that is kept for the viewer, and the statements for what lists do
// not reach.
//
//	report, err := homeaudit.New(store, timelines).Run(ctx, homeaudit.Config{Viewers: 1000, Depth: 200, Repair: true})
//
// # How timelines are judged
//
// An Auditor reads the newest entries of a timeline with the one statement that holds the whole rule (timelines.ExactHome), and after
// that derives them as a query does, in pages of 100. Two equal results need no more. Otherwise it reads SQL once more, because writes go
// on. An entry counts as different if SQL had it at the same place before and after, and it was derived elsewhere or not at all, or if
// it was derived and SQL had it neither before nor after. Entries that are older than one of the three results reaches are not judged.
//
// Such a difference may also be a write between its commit and its invalidation. So it is only reported if it is still there in two more
// looks, each after audit.SettleFor. If it was derived from another list of those whom the viewer follows than SQL's, it must be
// the same list each time: a viewer may follow and unfollow somebody all the time.
//
// # Cost and limits
//
// An Auditor handles one viewer at a time, at most Config.Rate a second. A timeline that is equal costs a statement for the list of those
// whom the viewer follows, one for the entries, and what deriving the pages costs. On PostgreSQL the statement for 200 entries of 2,000
// authors takes a few hundred milliseconds. What the cache lacks is read and stored, as on a visit of the viewer; so an audit fills the
// cache with the lists of many authors. On a node it also takes room among the pages that are kept for viewers.
//
// A repair removes the cached rows that the timeline was derived from, and compares again. That is safe at any time, because it has the
// same effect as an eviction. A tweet in a node's memory that differs from SQL in the same version stays there until the node is restarted.
package homeaudit
