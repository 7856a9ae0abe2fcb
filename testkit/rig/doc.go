// Package rig runs the nodes that end-to-end tests speak to: in processes that a test may kill, and several on the
// same stores. It also holds the operations and checks that several parts of the suite use.
package rig
