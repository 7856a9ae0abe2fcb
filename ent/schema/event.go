package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// Event is an entry of the outbox, written in the transaction of the rows that it tells of.
type Event struct{ ent.Schema }

// Fields of the event: aggregate is the user or tweet that keeps its order, version that of the
// payload's form.
func (Event) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Immutable(),
		field.String("type").Immutable(),
		field.Int("version").Immutable(),
		field.Int64("aggregate").Immutable(),
		field.Text("payload").Immutable(),
		field.Time("created_at").Immutable(),
	}
}

// Annotations name the table.
func (Event) Annotations() []schema.Annotation { return []schema.Annotation{table("events")} }
