// Package graph resolves Roost's GraphQL schema. Each noun of the schema has one file, which contains the queries, mutations,
// subscriptions and fields of that noun.
//
// A resolver decodes its arguments, calls one domain package or loader, and returns. Rules are in the domain packages, and
// look-ups are in package loaders. Mutations share one frame (mutation.go), which authenticates the caller and turns refusals into
// userErrors. Subscriptions share another frame (subscription.go).
//
// Queries, payloads of mutations and objects of events are written by compiled plans, see package plan and Plans. The tables
// (tables*.go) say how a plan answers each type of the schema: a line for a field, from the questions of package loaders. What a plan
// cannot answer is executed by the resolvers.
package graph
