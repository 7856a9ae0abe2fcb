// Package localtier is the measurement that chose what keeps the immutable parts of tweets in the process
// (package cache/local; decision 10 has the reason): hit ratio, time of a read, and what 200,000 entries
// cost the garbage collector, for libraries of several kinds.
//
//	go test -run '^$' -bench . ./bench/localtier
//
// The trace is of home pages over the data set that package dataset finds. Viewers come by a Zipf law
// (exponent 1) and read the newest 20 entries while new tweets come in, 30 visits a tweet; three of ten go on
// to the next page, again and again, and one visit in a hundred scrolls to the end of what a home timeline
// keeps, 800 entries.
package localtier

// Tweet is the value kept: what never changes of a tweet.
type Tweet struct {
	Author    int64
	Text      string
	CreatedAt int64 // µs since 1970
	Version   int64
}
