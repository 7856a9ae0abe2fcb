package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// TimelineProgress is how far prepared timelines are. It is one row.
type TimelineProgress struct{ ent.Schema }

// Fields of the progress: everything up to seq, an offset in the log, is in the prepared timelines, but for what timeline_fanouts has.
// last is the name of the last move of their marks in Redis.
func (TimelineProgress) Fields() []ent.Field {
	return []ent.Field{ownID("id"), field.Int64("seq"), field.String("last")}
}

// Annotations name the table.
func (TimelineProgress) Annotations() []schema.Annotation {
	return []schema.Annotation{table("timeline_progress")}
}

// TimelineSide says whether what an author adds to home timelines is pushed into prepared timelines, or merged when they are read. Authors
// without a row are pushed.
type TimelineSide struct{ ent.Schema }

// Fields of the side: seq is the offset in the log from which it holds. forced is 0 if the number of followers decides, 1 for push, 2 for
// merge.
func (TimelineSide) Fields() []ent.Field {
	return []ent.Field{ownID("author_id"), field.Bool("merged"), field.Int64("seq"), field.Int8("forced").Default(0)}
}

// Indexes find the authors who are merged.
func (TimelineSide) Indexes() []ent.Index {
	return []ent.Index{index.Fields("id").StorageKey("timeline_sides_merged").Annotations(entsql.IndexWhere("merged"))}
}

// Annotations name the table.
func (TimelineSide) Annotations() []schema.Annotation {
	return []schema.Annotation{table("timeline_sides")}
}

// TimelineFanout is an event of an author with many followers that is still to be pushed to some of them.
type TimelineFanout struct{ ent.Schema }

// Fields of the fan-out: the id is the event's offset in the log. record is what is pushed. Followers whose follow has a sort key of up to
// done have it already; chunks is the number of transactions that have pushed it.
func (TimelineFanout) Fields() []ent.Field {
	return []ent.Field{ownID("id"), field.Int64("author_id").Immutable(), field.Bytes("record").Immutable(),
		field.Int64("done").Default(0), field.Int64("chunks").Default(0)}
}

// Indexes find the fan-out that has had the fewest turns.
func (TimelineFanout) Indexes() []ent.Index {
	return []ent.Index{index.Fields("chunks", "id").StorageKey("timeline_fanouts_turn")}
}

// Annotations name the table.
func (TimelineFanout) Annotations() []schema.Annotation {
	return []schema.Annotation{table("timeline_fanouts")}
}
