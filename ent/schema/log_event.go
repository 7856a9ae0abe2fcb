package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Event is an entry of the outbox, written in the transaction of the rows that it is about.
type Event struct{ ent.Schema }

// Fields of the event: aggregate is the user or tweet whose events keep their order, and version the version of the
// payload's form. seq is the event's offset in the log, which the sequencer assigns on PostgreSQL; on SQLite the id is the
// offset.
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

// Indexes hold all events in the order of the log, the events without a seq, the events that home timelines catch up on, and the answers
// to a tweet. SQLite appends the id to the last one.
func (Event) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("seq").Unique().StorageKey("events_seq"),
		index.Fields("id").StorageKey("events_unsequenced").Annotations(entsql.IndexWhere("seq IS NULL")),
		index.Fields("seq").StorageKey("events_home").Annotations(entsql.IndexWhere(
			"type IN ('TweetPosted', 'TweetDeleted', 'TweetRetweeted', 'RetweetUndone', 'UserFollowed', 'UserUnfollowed', 'RowsImported')")),
		index.Fields("aggregate", "seq").StorageKey("events_answers").Annotations(entsql.IndexWhere("type = 'ReplyAdded'")),
	}
}

// Annotations name the table.
func (Event) Annotations() []schema.Annotation { return []schema.Annotation{table("events")} }
