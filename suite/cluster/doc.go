// Package cluster holds end-to-end tests of node processes that start, stop, die and are upgraded, of outages of their stores,
// and of the event log.
package cluster
