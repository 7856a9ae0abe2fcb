// Package cache is Roost's tier over Redis. SQL is the truth and Redis is speed: it may be flushed,
// stopped, hang or be away at any moment, and everything still answers.
//
// A call waits at most 250 ms for Redis. After three failures in a row a breaker opens and calls fail at
// once, without touching Redis; every half second one call may try again, and its success closes the
// breaker. So a Redis that hangs costs one request in half a second a wait, and one that comes back is used within a
// second.
//
// Persisted queries are looked up in the process first, which bounds what it keeps. Redis keeps a document for
// a day after it was last sent or, at most once an hour, used. What a node may add there is bounded: 4 MiB at
// once, 2 KiB a second. Beyond that a document stays with the node, and its clients send it to others again.
//
// In embedded mode Redis runs in the process (miniredis). It keeps no more than 40,000 keys: beyond it
// is flushed, which by the first sentence is harmless.
package cache
