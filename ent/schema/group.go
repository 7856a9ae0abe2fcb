package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// LogHead is the one row that says where the log ends.
type LogHead struct{ ent.Schema }

// Fields of the head: seq is the last given, oldest the last that retention removed. epoch is a random number that changes
// when the database went back to an earlier state, or is a copy; epoch_since is the seq where it began, and lineage what
// PostgreSQL said about itself by then.
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

// GroupPart is how far a consumer group has come with one part of the aggregates, and who works on it.
type GroupPart struct{ ent.Schema }

// Fields of the part; its key is "group/part".
func (GroupPart) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").Immutable(),
		field.String("group_name").Immutable(),
		field.Int("part").Immutable(),
		field.Int64("position"),
		field.String("owner").Default(""),
		field.Time("leased_until"),
		field.Time("moved_at"),
	}
}

// Indexes give the natural key.
func (GroupPart) Indexes() []ent.Index {
	return []ent.Index{index.Fields("group_name", "part").Unique().StorageKey("group_parts_key")}
}

// Annotations name the table.
func (GroupPart) Annotations() []schema.Annotation { return []schema.Annotation{table("group_parts")} }

// ParkedEvent is an event that a group could not handle, or that waits for an earlier one of its
// aggregate; dead ones are given up until somebody retries them.
type ParkedEvent struct{ ent.Schema }

// Fields of the parked event, with a copy of the event itself: retention may remove the original.
func (ParkedEvent) Fields() []ent.Field {
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

// Indexes give the natural key, and those that wait in the order of their aggregate.
func (ParkedEvent) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("group_name", "seq").Unique().StorageKey("parked_events_key"),
		index.Fields("group_name", "aggregate", "seq").StorageKey("parked_events_waiting").
			Annotations(entsql.IndexWhere("NOT dead")),
	}
}

// Annotations name the table.
func (ParkedEvent) Annotations() []schema.Annotation {
	return []schema.Annotation{table("parked_events")}
}
