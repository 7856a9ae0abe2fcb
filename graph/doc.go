// Package graph resolves Roost's GraphQL schema. Each noun of the schema has one file, which contains the queries, mutations,
// subscriptions and fields of that noun.
//
// A resolver decodes its arguments, calls one domain package or loader, and returns. Rules are in the domain packages, and
// look-ups are in package loaders. Mutations share one frame (mutation.go), which authenticates the caller, turns refusals into
// userErrors and loads the objects of the payload. Subscriptions share another frame (subscription.go).
//
// Before the fields of an object or list are resolved, the selection of these fields is read once, and the rows that they will
// need are fetched in batches; see plan.
package graph
