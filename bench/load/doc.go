// Package load puts load on a server and measures how long answers took.
//
// It costs little compared with the servers that it measures: requests are prepared bytes, answers are read from the connection
// by length, and a connection that has warmed up allocates nothing.
//
// [Pool.Closed] is a closed loop: each connection sends its next request when it has the answer to the last one. It finds the
// highest throughput; the latencies that it measures are latencies of a saturated server.
//
// [Pool.Open] is an open loop: requests are due at a fixed rate, whatever the server does, and latency counts from the time a
// request was due. So while a server stalls, the latency of every request that becomes due grows, even of requests that cannot
// be sent because all connections are waiting.
//
// A [Crowd] is a set of websockets that get the same pushes.
//
// A run returns when every request has been answered, at the latest Patience after its duration has passed, and leaves no
// goroutine behind. The first wrong answer ends the run with an error.
package load
