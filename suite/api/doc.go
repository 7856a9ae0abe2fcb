// Package api holds end-to-end tests of what clients ask: schema, documents, lists compared with an oracle, reactions, and
// histories of operations compared with a model.
package api
