package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
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

// Indexes list a user's reactions to the tweets with the highest ids, without those that were taken back.
func (Reaction) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("user_id", "tweet_id", "kind").StorageKey("reactions_of_user").Annotations(entsql.IndexWhere("kind <> 0")),
	}
}

// Annotations set the key and name the table.
func (Reaction) Annotations() []schema.Annotation {
	return []schema.Annotation{field.ID("tweet_id", "user_id"), table("reactions")}
}

// ReactionList is the version of the list of a user's newest reactions, which every change of a reaction raises. No row means version 1.
type ReactionList struct{ ent.Schema }

// Fields of the list.
func (ReactionList) Fields() []ent.Field {
	return []ent.Field{ownID("user_id"), field.Int64("version")}
}

// Annotations name the table.
func (ReactionList) Annotations() []schema.Annotation {
	return []schema.Annotation{table("reaction_lists")}
}

// ReactionDelta is what one transaction of reactions, or a reply, adds to the counts of a tweet, until it is drained: then it is added to
// the tweet's row of TweetStats and deleted, in one transaction. So the counts of a tweet are the sum of that row and its deltas.
type ReactionDelta struct{ ent.Schema }

// Fields of the delta: what is added to the counts of likes, dislikes and replies, and the number of changes, which is added to the
// revision.
func (ReactionDelta) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Immutable(),
		field.Int64("tweet_id").Immutable(),
		field.Int64("likes").Immutable(),
		field.Int64("dislikes").Immutable(),
		field.Int64("changes").Immutable(),
		field.Int64("replies").Default(0).Immutable(),
	}
}

// Indexes list the deltas of a tweet.
func (ReactionDelta) Indexes() []ent.Index {
	return []ent.Index{index.Fields("tweet_id", "id").StorageKey("reaction_deltas_of_tweet")}
}

// Annotations name the table.
func (ReactionDelta) Annotations() []schema.Annotation {
	return []schema.Annotation{table("reaction_deltas")}
}
