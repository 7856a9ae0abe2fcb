// Package ops are the operations that the benchmarks measure: what is asked of Roost and of the baseline,
// by whom, and which answers are right.
//
// Who asks and for what is drawn from the data with a fixed seed, so that two runs ask the same. Answers
// are right when they say what SQL says; Check decides that for both targets before anything is timed.
package ops

import "roost/bench/load"

// Operation is one of them.
type Operation struct {
	// Name is what flags and results call it.
	Name string
	// Title says what it is, for tables.
	Title string
	// Rate is the default of the open loop, requests a second: what Roost can do with room to spare.
	Rate float64
	// Roost and Baseline are what the two targets are asked.
	Roost, Baseline load.Traffic
	// Writes says that it changes the data, after which answers to others cannot be compared any more.
	Writes bool
	// Settles is how many of the first writes may find the data as they want it.
	Settles int

	asks []ask
}

// All are the operations on a world, reads first.
func All(w *World) []Operation {
	return []Operation{w.home(), w.profile(), w.summaries(), w.react(), w.viral()}
}
