// Package schema describes Roost's tables. Each noun of the product has a file of its own. The names of the files with the
// machinery's tables begin with log_, id_, signin_ or imports.
//
// Domain rows are never deleted, only marked (a deleted tweet, an undone follow, a reaction taken back). Every change of a row
// raises the row's version (the column `version`). So a version never starts again. Rows that follow from others, such as the hashtags of a
// tweet, have no version, and may be removed. There are no foreign keys: a row's parent may be on another shard.
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

// version is the version of a row, raised by the transaction that changes it.
func version() ent.Field { return field.Int64("version").Default(1) }

// table names the table.
func table(name string) schema.Annotation { return entsql.Annotation{Table: name} }
