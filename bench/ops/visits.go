package ops

import (
	"roost/bench/load"
)

// Visits returns an operation in which every visitor asks for a home page once: the first of n connections serves every nth visitor from
// the first on, the second from the second on. After all visitors it begins again.
func (w *World) Visits() Operation {
	home := w.homeOf(w.Visitors)
	home.Name, home.Title, home.Rate = "visits", "home page, each visitor once after a restart", 0
	home.Roost.Source = inTurn(home.asks, func(a *ask) []byte { return a.roost })
	home.Baseline.Source = inTurn(home.asks, func(a *ask) []byte { return a.baseline })
	return home
}

// inTurn makes sources that share requests: the first of n connections sends every nth from the first on.
func inTurn(asks []ask, request func(*ask) []byte) func(i, n int) load.Source {
	return func(worker, n int) load.Source {
		next := worker
		return func(buf []byte) []byte {
			a := &asks[next%len(asks)]
			next += n
			return append(buf, request(a)...)
		}
	}
}
