package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Tweet is a short message; its id orders it in time.
type Tweet struct{ ent.Schema }

// Fields of the tweet. Only its deletion changes them. in_reply_to is the tweet that a reply answers, its parent, and parent_author_id the
// author of that.
func (Tweet) Fields() []ent.Field {
	return []ent.Field{
		ownID("id"),
		field.Int64("author_id").Immutable(),
		field.Text("text").Immutable(),
		field.Time("created_at").Immutable(),
		field.Time("deleted_at").Optional().Nillable(),
		version(),
		field.Int64("in_reply_to").Optional().Nillable().Immutable(),
		field.Int64("parent_author_id").Optional().Nillable().Immutable(),
	}
}

// Edges exist because ent ties composite keys to edges; no query walks them.
func (Tweet) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("reactors", User.Type).Through("reactions", Reaction.Type),
		edge.To("retweeters", User.Type).Through("retweets", Retweet.Type),
	}
}

// Indexes list tweets in order: an author's live ones, those among them that answer nobody or the author, those that answer others, and
// the replies to a tweet, the deleted ones as well.
func (Tweet) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("author_id", "id").StorageKey("tweets_of_author").Annotations(entsql.IndexWhere("deleted_at IS NULL")),
		index.Fields("author_id", "id").StorageKey("tweets_of_author_own").
			Annotations(entsql.IndexWhere("deleted_at IS NULL AND (parent_author_id IS NULL OR parent_author_id = author_id)")),
		index.Fields("author_id", "id").StorageKey("replies_of_author").
			Annotations(entsql.IndexWhere("deleted_at IS NULL AND parent_author_id <> author_id")),
		index.Fields("in_reply_to", "id").StorageKey("replies_of_tweet").
			Annotations(entsql.IndexWhere("in_reply_to IS NOT NULL")),
	}
}

// Annotations name the table.
func (Tweet) Annotations() []schema.Annotation { return []schema.Annotation{table("tweets")} }

// TweetStats are the counts of a tweet without reactions that are not drained, see ReactionDelta; no row means zeros.
type TweetStats struct{ ent.Schema }

// Fields of the counts; revision grows with every change.
func (TweetStats) Fields() []ent.Field {
	return []ent.Field{
		ownID("tweet_id"),
		field.Int64("like_count").Default(0),
		field.Int64("dislike_count").Default(0),
		field.Int64("revision").Default(0),
		field.Int64("retweet_count").Default(0),
		field.Int64("reply_count").Default(0),
	}
}

// Annotations name the table.
func (TweetStats) Annotations() []schema.Annotation { return []schema.Annotation{table("tweet_stats")} }
