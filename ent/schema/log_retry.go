package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// RetryEntry is an event in a group's retry queue: one that the group could not handle, or one that waits behind an earlier
// event of its aggregate. A dead entry is a dead letter: the group does not try it again until an operator retries it.
type RetryEntry struct{ ent.Schema }

// Fields of the entry, with a copy of the event itself, because retention may remove the original.
func (RetryEntry) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Immutable(),
		field.String("group_name").Immutable(),
		field.Int64("seq").Immutable(),
		field.String("type").Immutable(),
		field.Int("version").Immutable(),
		field.Int64("aggregate").Immutable(),
		field.Text("payload").Immutable(),
		field.Time("created_at").Immutable(),
		field.Int("attempts").Default(0),
		field.Time("next_at"),
		field.Text("reason").Default(""),
		field.Bool("dead").Default(false),
	}
}

// Indexes enforce the natural key, and list the waiting entries of an aggregate in their order.
func (RetryEntry) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("group_name", "seq").Unique().StorageKey("retry_queue_key"),
		index.Fields("group_name", "aggregate", "seq").StorageKey("retry_queue_waiting").
			Annotations(entsql.IndexWhere("NOT dead")),
	}
}

// Annotations name the table.
func (RetryEntry) Annotations() []schema.Annotation {
	return []schema.Annotation{table("retry_queue")}
}
