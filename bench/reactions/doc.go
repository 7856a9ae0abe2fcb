// Package reactions compares four ways of counting the reactions to tweets, on the same PostgreSQL and Redis: what a reaction costs, and
// what readers of the counts see. Roost itself uses only the last way. The others are here so that figures show what it costs and gains.
//
// # The ways
//
// All ways write one row for each reaction, in the tables of Roost, and show readers a count from Redis. On a miss the reader reads SQL
// and fills.
//
//   - hot row: one statement writes the reaction and adds to the tweet's row of counts; then the entry in Redis is deleted.
//   - queue: one statement writes the reaction and a row of a log table. Each second a worker adds the log to the counts, and deletes the
//     entries of their tweets.
//   - cached increment: as with the queue, but the writer also increments the entry, if there is one. The worker leaves entries alone; they
//     last two seconds, and are then filled from SQL.
//   - roost: package domain/reactions on the event log, with its cached rows, its drainer and the relay.
//
// # The load
//
// Writers like tweets one after the other, each tweet at most once as one user. No like is taken back, so a reader who sees a count go
// down sees an error. Readers poll counts at a fixed rate meanwhile. The load has one tweet ("viral") or many ("uniform").
//
// # The faults
//
//   - flush: Redis is emptied once, in the middle of the run.
//   - interrupted: one writer in ten dies between its commit and what it does in Redis, without an acknowledgement; with Roost, one
//     transaction in ten. A third of the run is without a worker; the old one commits a last batch and dies before what it does in Redis.
//     With Roost the drainer stops, and the relay, which repeats the invalidations of dead writers, goes on as another node's would.
package reactions
