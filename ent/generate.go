// Package ent is the generated model of Roost's tables. The schema in ent/schema is written by hand; everything else in this
// folder, except the migrations, is generated from it.
package ent

//go:generate go tool ent generate --feature sql/upsert,sql/lock,sql/modifier,sql/execquery,sql/versioned-migration ./schema
