// Package capacity computes what a site of a given size needs, from figures that `make bench` has measured.
//
// The sums are proportions: processor time of a request times requests a second, bytes of a row times rows. They hold where the work
// is done by parts that can be multiplied, such as nodes and Redis servers. Where there is only one of something, the sums show how
// much this one would have to do (see Bounds), which is the point of the exercise.
package capacity
