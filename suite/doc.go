// Package suite holds Roost's end-to-end tests: they run whole nodes on both kinds of stores and speak
// GraphQL to them.
package suite
