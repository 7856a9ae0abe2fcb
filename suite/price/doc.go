// Package price tests how much one caller can cost a node: processor time for documents and subscriptions, and memory for
// answers that nobody reads. It is a package of its own because its tests measure the whole process, so they do not run in
// parallel.
package price
