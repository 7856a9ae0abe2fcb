package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// TweetStats are the counts of a tweet; no row means zeros.
type TweetStats struct{ ent.Schema }

// Fields of the counts; revision grows with every change.
func (TweetStats) Fields() []ent.Field {
	return []ent.Field{
		ownID("tweet_id"),
		field.Int64("like_count").Default(0),
		field.Int64("dislike_count").Default(0),
		field.Int64("revision").Default(0),
	}
}

// Annotations name the table.
func (TweetStats) Annotations() []schema.Annotation { return []schema.Annotation{table("tweet_stats")} }

// UserStats are the counts of a user; no row means zeros.
type UserStats struct{ ent.Schema }

// Fields of the counts. FollowingVer is the version of the list of those whom the user follows.
func (UserStats) Fields() []ent.Field {
	return []ent.Field{
		ownID("user_id"),
		field.Int64("tweet_count").Default(0),
		field.Int64("follower_count").Default(0),
		field.Int64("following_count").Default(0),
		ver(),
		field.Int64("following_ver").Default(1),
	}
}

// Annotations name the table.
func (UserStats) Annotations() []schema.Annotation { return []schema.Annotation{table("user_stats")} }
