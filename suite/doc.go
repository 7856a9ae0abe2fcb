// Package suite holds Roost's end-to-end tests, in one package for each subject, which Go runs as a process of its own. They run
// whole nodes on both kinds of stores and speak GraphQL to them; package rig has what the parts share.
package suite
