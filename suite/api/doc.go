// Package api holds end-to-end tests of what clients can request: schema, documents, lists (compared with an oracle),
// reactions, and histories of operations (compared with a model).
package api
