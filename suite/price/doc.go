// Package price tests what one caller can make a node pay: processor time of documents and subscriptions, and
// memory of answers that nobody reads. It is a package of its own because it measures its whole process, so
// nothing in it runs in parallel.
package price
