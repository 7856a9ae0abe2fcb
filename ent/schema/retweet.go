package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Retweet is the retweet of a tweet by a user. When it is undone, the row stays and is inactive.
type Retweet struct{ ent.Schema }

// Fields of the retweet. author_id is the author of the tweet, and parent_author_id that of the tweet which it
// answers, if it is a reply. sort_key is the time-ordered id that the retweet got when it last
// began; it is higher than the id of the tweet.
func (Retweet) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("tweet_id").Immutable(),
		field.Int64("user_id").Immutable(),
		field.Int64("author_id").Immutable(),
		field.Bool("active").Default(true),
		field.Int64("sort_key"),
		field.Time("retweeted_at"),
		version(),
		field.Int64("parent_author_id").Optional().Nillable().Immutable(),
	}
}

// Edges make the composite key.
func (Retweet) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("tweet", Tweet.Type).Unique().Required().Immutable().Field("tweet_id"),
		edge.To("user", User.Type).Unique().Required().Immutable().Field("user_id"),
	}
}

// Indexes list the retweets of a user and of a tweet, newest first, and a user's retweets of the tweets with the highest ids. None has
// retweets that were undone.
func (Retweet) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("user_id", "sort_key", "tweet_id", "author_id").StorageKey("retweets_of_user").Annotations(entsql.IndexWhere("active")),
		index.Fields("tweet_id", "sort_key", "user_id").StorageKey("retweets_of_tweet").Annotations(entsql.IndexWhere("active")),
		index.Fields("user_id", "tweet_id").StorageKey("retweets_of_user_by_tweet").Annotations(entsql.IndexWhere("active")),
	}
}

// Annotations set the key and name the table.
func (Retweet) Annotations() []schema.Annotation {
	return []schema.Annotation{field.ID("tweet_id", "user_id"), table("retweets")}
}
