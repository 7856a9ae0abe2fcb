package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// ImportedID remembers which row an id of an imported file became.
type ImportedID struct{ ent.Schema }

// Fields of the mapping: kind is "user" or "tweet".
func (ImportedID) Fields() []ent.Field {
	return []ent.Field{
		field.String("source").Immutable(),
		field.String("kind").Immutable(),
		field.Int64("external_id").Immutable(),
		field.Int64("row_id").Immutable(),
	}
}

// Indexes enforce the natural key.
func (ImportedID) Indexes() []ent.Index {
	return []ent.Index{index.Fields("source", "kind", "external_id").Unique().StorageKey("imported_ids_key")}
}

// Annotations name the table.
func (ImportedID) Annotations() []schema.Annotation {
	return []schema.Annotation{table("imported_ids")}
}

// ImportProgress stores how far the import of one file has come, so that a killed import continues there.
type ImportProgress struct{ ent.Schema }

// Fields of the progress: the key is "source/file"; fingerprint identifies the file's content.
func (ImportProgress) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").StorageKey("file").Immutable(),
		field.String("fingerprint"),
		field.Int64("lines"),
		field.Bool("complete").Default(false),
		field.Time("updated_at"),
	}
}

// Annotations name the table.
func (ImportProgress) Annotations() []schema.Annotation {
	return []schema.Annotation{table("import_progress")}
}
