// Package ops contains the operations that the benchmarks measure: the requests to Roost and to the baseline, the users who
// send them, and the right answers.
//
// The users and the objects that they ask for are drawn from the data with a fixed seed, so that two runs send the same
// requests. An answer is right if it agrees with SQL. Check compares the answers of both targets with SQL before anything is
// timed.
package ops

import "roost/bench/load"

// Operation is one operation that the benchmarks measure.
type Operation struct {
	// Name is what flags and results call it.
	Name string
	// Title describes the operation in tables.
	Title string
	// Rate is the default rate of the open loop, in requests a second. Roost can serve it with room to spare. An operation with
	// rate 0 has no open loop.
	Rate float64
	// Roost and Baseline are the requests to the two targets.
	Roost, Baseline load.Traffic
	// Writes reports whether the operation changes the data. After it, answers to other operations cannot be compared any more.
	Writes bool
	// Settles is how many of the first writes may change nothing, because the data is already as they would leave it.
	Settles int
	// Identical reports whether the baseline must answer with the same bytes, and not only with the same data.
	Identical bool

	asks []ask
}

// All returns the operations on a world, reads first. The replay is among them after AddReplay.
func All(w *World) []Operation {
	all := []Operation{w.home(), w.profile(), w.summaries(), typename(), w.compressed("gzip"), w.compressed("zstd"), w.react(), w.viral()}
	if len(w.Replay.likes) > 0 {
		all = append(all, w.replay())
	}
	return all
}
