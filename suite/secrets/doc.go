// Package secrets tests what a node says, in answers and in its log. It is a package of its own because
// it takes the process's log over.
package secrets
