package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
)

// Reaction is a user's like or dislike of a tweet. There is one row per tweet and user, which is never deleted.
type Reaction struct{ ent.Schema }

// Fields of the reaction: kind and prev, the kind before the last change, are 0 none, 1 like,
// 2 dislike.
func (Reaction) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("tweet_id").Immutable(),
		field.Int64("user_id").Immutable(),
		field.Int8("kind"),
		field.Int8("prev").Default(0),
		field.Time("reacted_at"),
		version(),
	}
}

// Edges make the composite key.
func (Reaction) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("tweet", Tweet.Type).Unique().Required().Immutable().Field("tweet_id"),
		edge.To("user", User.Type).Unique().Required().Immutable().Field("user_id"),
	}
}

// Annotations set the key and name the table.
func (Reaction) Annotations() []schema.Annotation {
	return []schema.Annotation{field.ID("tweet_id", "user_id"), table("reactions")}
}
