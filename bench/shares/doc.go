// Package shares divides the processor time of a profile among the parts of a Roost server, and turns the profile into the tree
// of a flame graph.
//
// A sample of a profile is a stack of functions. It is booked to the part of its deepest own frame: the frame nearest to the
// running function whose package is in the table of parts. So an allocation, a comparison of strings or a system call costs the
// part that asked for it. A stack without own frames is the runtime's: background garbage collection and the scheduling of
// goroutines. Leaves that everybody calls, such as internal/ids, have no part, and cost their callers.
package shares
