// Package schema describes Roost's tables. Rows are kept when they end (a deleted tweet, an undone
// follow, a reaction taken back), and every change of a row raises its version `ver`, so that a
// version never starts again. No foreign keys: a row's parent may live on another shard.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// ownID is an int64 primary key that the application makes (internal/ids), stored as column.
func ownID(column string) ent.Field {
	f := field.Int64("id").Immutable().Annotations(entsql.Annotation{Incremental: new(bool)})
	if column != "id" {
		f = f.StorageKey(column)
	}
	return f
}

// ver is the version of a row, raised by the transaction that changes it.
func ver() ent.Field { return field.Int64("ver").Default(1) }

// table names the table.
func table(name string) schema.Annotation { return entsql.Annotation{Table: name} }
