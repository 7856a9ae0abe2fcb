// Package rig contains what several packages of the suite share: nodes, the operations that tests run, and the results that
// tests expect.
//
//	cluster.go    several nodes on the same stores, each a process that a test may kill
//	process.go    one such process; program.go builds the binary, with fault points or without
//	crashing.go   nodes that die after their first commit
//	proxy.go      a TCP proxy between a node and a store, which a test cuts, delays and redirects
//	nodes.go      several nodes in the test's own process; readers that continue from a cursor
//	operations.go reactions.go profiles.go   documents that tests run
//	watch.go      subscriptions, and the events that tests expect from them
//	rows.go       rules that the rows of all tables must obey after any test
//	homes.go      home timelines: written as rows, read with plain SQL, read as a client does
//	stores.go metrics.go   waiting for invalidations, clearing the cache, writing rows, reading /metrics
//
// A test that runs one node in its own process needs only package apitest.
package rig
