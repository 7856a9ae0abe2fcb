package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Event is an entry of the outbox, written in the transaction of the rows that it tells of.
type Event struct{ ent.Schema }

// Fields of the event: aggregate is the user or tweet that keeps its order, version that of the
// payload's form; seq its place in the log, which the sequencer gives on PostgreSQL. On SQLite the id is
// the place.
func (Event) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Immutable(),
		field.String("type").Immutable(),
		field.Int("version").Immutable(),
		field.Int64("aggregate").Immutable(),
		field.Text("payload").Immutable(),
		field.Time("created_at").Immutable(),
		field.Int64("seq").Optional().Nillable(),
	}
}

// Indexes hold events in their order, those that have no place in it yet, and those that home timelines
// catch up on.
func (Event) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("seq").Unique().StorageKey("events_seq"),
		index.Fields("id").StorageKey("events_unsequenced").Annotations(entsql.IndexWhere("seq IS NULL")),
		index.Fields("seq").StorageKey("events_timeline").Annotations(entsql.IndexWhere(
			"type IN ('TweetPosted', 'TweetDeleted', 'UserFollowed', 'UserUnfollowed', 'RowsImported')")),
	}
}

// Annotations name the table.
func (Event) Annotations() []schema.Annotation { return []schema.Annotation{table("events")} }
