// Package testschema is a small executable schema for tests of the server: one field for each thing
// that a transport has to survive.
package testschema

//go:generate go tool gqlgen generate --config gqlgen.yml
