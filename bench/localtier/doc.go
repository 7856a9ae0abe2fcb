// Package localtier measures cache libraries, to choose the one that keeps the immutable parts of tweets in the process
// (package cache/local; decision 10 records the choice). It measures the hit ratio, the time of a read, and the cost of 200,000
// entries to the garbage collector.
//
//	go test -run '^$' -bench . ./bench/localtier
//
// The trace consists of home pages over the data set that package dataset finds. The frequency of viewers follows a Zipf law
// (exponent 1). On each visit a viewer reads the newest 20 entries; one new tweet arrives for every 30 visits. After each page,
// three viewers in ten read the next page. One visit in a hundred scrolls to the end of the home timeline, which has 800
// entries.
package localtier

// Tweet is the value that is cached: the parts of a tweet that never change.
type Tweet struct {
	Author    int64
	Text      string
	CreatedAt int64 // µs since 1970
	Version   int64
}
