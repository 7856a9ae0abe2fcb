// Package load puts load on a server and measures how long answers took.
//
// It is made to cost little next to the servers that it measures: requests are ready bytes, answers are
// read from the connection by length, and a connection that has warmed up allocates nothing.
//
// [Pool.Closed] is a closed loop: each connection sends its next request when it has the answer to the
// last one. It finds the highest throughput, and its latencies are those of a saturated server.
//
// [Pool.Open] is an open loop: requests are due at a fixed rate, whatever the server does, and latency
// counts from the time a request was due. A server that stalls pays for every request that was due
// meanwhile, also those that could not be sent because all connections were waiting.
//
// [Crowd] are many websockets that get the same pushes.
//
// A run belongs to its caller: it returns when every request has been answered, at the latest
// Patience after its end, and leaves no goroutine behind. The first wrong answer ends it with an error.
package load
