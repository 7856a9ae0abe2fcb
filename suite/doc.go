// Package suite contains Roost's end-to-end tests, in one package for each subject. Go runs each of these packages as a process
// of its own. The tests run whole nodes on both kinds of stores and send GraphQL to them. Package rig contains what the
// packages share.
package suite
