// Package rig holds what several parts of the suite share: nodes, the operations that tests run, and what they expect.
//
//	cluster.go    several nodes on the same stores, each a process that a test may kill
//	process.go    one such process; program.go builds the binary, with fault points or without
//	crashing.go   nodes that die after their first commit
//	proxy.go      a TCP proxy between a node and a store, which a test cuts, delays and redirects
//	nodes.go      several nodes in the process of the test; readers that go on with a cursor
//	operations.go reactions.go profiles.go   documents that tests run
//	watch.go      subscriptions, and the events that are expected of them
//	rows.go       what must hold between the tables after any test
//	stores.go metrics.go   waiting for invalidations, clearing the cache, reading /metrics
//
// A test on one node in the process needs package apitest alone.
package rig
