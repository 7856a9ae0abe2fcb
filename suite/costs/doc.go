// Package costs holds end-to-end tests of what operations cost: SQL statements, round trips to Redis, the plans of the
// databases, and what happens when the database cannot do more.
//
// Each operation with a budget is a file in testdata. Its head is the price, one line for each case that is measured:
//
//	# cold 7 SQL, 14 Redis; warm 1 SQL, 2 Redis
//	# a reset: before it at most 0 SQL, for it at most 0 SQL
//
// The first form is for reads and writes. "cold" is the number of statements and round trips with an empty cache, "warm" with
// everything in the cache but what was written just before. They are exact, whatever the size of pages and on both kinds of
// stores. The second form is for an event of a subscription: "before it" is the cost of the change that leads to it, "for it"
// the cost of sending it. Who asks, and with which variables, is in the lists costedReads, costedWrites and costedPushes, under
// the name of the file and of the case. A file or a case without an entry fails a test, and so does an entry without a file.
package costs
