// Package cluster holds end-to-end tests of processes that start, stop, die and are upgraded, of their stores' outages,
// and of the event log.
package cluster
