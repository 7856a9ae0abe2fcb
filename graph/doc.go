// Package graph resolves Roost's GraphQL schema. Each noun has one file, which holds the queries, mutations, subscriptions
// and fields of that noun.
//
// A resolver decodes its arguments, calls one domain package or loader, and returns. Rules are in the domain, lookups in
// package loaders. Mutations share one frame (mutation.go), which authenticates the caller, turns refusals into userErrors
// and loads the objects of the payload. Subscriptions share another (subscription.go).
//
// Before the fields of an object or list are resolved, its selection is read once, and the rows that those fields will need
// are fetched in batches; see plan.
package graph
