// Package costs holds end-to-end tests of what operations cost: statements, round trips, the plans of the databases, and
// what happens when the database cannot do more.
package costs
