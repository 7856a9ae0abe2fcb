package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// LogHead is the one row that says where the log ends.
type LogHead struct{ ent.Schema }

// Fields of the head: seq is the newest seq that was assigned, and oldest the seq of the newest event that retention removed.
// epoch is a random number that changes when the database went back to an earlier state, or is a copy. epoch_since is the seq
// at which the epoch began, and lineage how PostgreSQL identified itself then.
func (LogHead) Fields() []ent.Field {
	return []ent.Field{
		ownID("id"),
		field.Int64("seq"),
		field.Int64("oldest").Default(0),
		field.Time("sequenced_at"),
		field.Int64("epoch").Default(0),
		field.Int64("epoch_since").Default(0),
		field.Text("lineage").Default(""),
	}
}

// Annotations name the table.
func (LogHead) Annotations() []schema.Annotation { return []schema.Annotation{table("log_heads")} }
