// Package apiguide is the guide to the API for developers of frontends: pages of Markdown, which people read in the repository and at
// /docs of a node, and programs read at /llms.txt.
//
// The examples of the pages are run by TestGuide of suite/api. The page reference.md is generated from schema.graphqls; `make generate`
// writes it.
//
// A page is rendered when it is first asked for, so that no start of a node waits for it.
package apiguide

//go:generate go run ./gen ../../schema.graphqls reference.md
