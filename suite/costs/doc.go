// Package costs holds end-to-end tests of what operations cost: SQL statements, round trips to Redis, the plans of the
// databases, and what happens when the database cannot do more.
//
// Each operation with a budget is a file in testdata. The file begins with the price, one line for each case that is measured:
//
//	# cold 7 SQL, 14 Redis; warm 1 SQL, 2 Redis
//	# a reset: before it at most 0 SQL, for it at most 0 SQL
//
// The first form is for reads and writes. "cold" is the number of statements and round trips with an empty cache. "warm" is the
// number when only the rows that were written just before the operation are missing from the cache. These numbers are exact,
// and are the same for all sizes of pages and on both kinds of stores. The second form is for an event of a subscription:
// "before it" is the cost of the change that leads to the event, and "for it" is the cost of sending the event. The lists
// costedReads, costedWrites and costedPushes have an entry for each case, with its caller and its variables. An entry is found
// by the name of the file and, if the file has several cases, the name of the case. A file or a case without an entry fails a
// test, and so does an entry without a file.
package costs
