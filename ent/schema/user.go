package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// User is an account.
type User struct{ ent.Schema }

// Fields of the user. Username and email are unique through UsernameClaim and EmailClaim, whose
// tables are keyed by the name. suspended_at is set while an operator has suspended the user.
func (User) Fields() []ent.Field {
	return []ent.Field{
		ownID("id"),
		field.String("username"),
		field.String("name"),
		field.Text("bio").Default(""),
		field.Text("website_url").Optional().Nillable(),
		field.String("email").Sensitive(),
		field.String("password_hash").Optional().Nillable().Sensitive(),
		field.Enum("session_policy").Values("MULTI_DEVICE", "SINGLE_DEVICE").Default("MULTI_DEVICE"),
		field.Time("created_at").Immutable(),
		field.Time("suspended_at").Optional().Nillable(),
		version(),
	}
}

// Indexes find the users who are suspended.
func (User) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("id").StorageKey("users_suspended").Annotations(entsql.IndexWhere("suspended_at IS NOT NULL")),
	}
}

// Edges exist because ent ties composite keys to edges; no query walks them.
func (User) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("following", User.Type).Through("follows", Follow.Type).
			StorageKey(edge.Columns("follower_id", "followee_id")),
		edge.From("reacted", Tweet.Type).Ref("reactors").Through("user_reactions", Reaction.Type),
		edge.From("retweeted", Tweet.Type).Ref("retweeters").Through("user_retweets", Retweet.Type),
	}
}

// Annotations name the table.
func (User) Annotations() []schema.Annotation { return []schema.Annotation{table("users")} }

// UserStats are the counts of a user; no row means zeros.
type UserStats struct{ ent.Schema }

// Fields of the counts. following_version is the version of the list of users whom the user follows.
func (UserStats) Fields() []ent.Field {
	return []ent.Field{
		ownID("user_id"),
		field.Int64("tweet_count").Default(0),
		field.Int64("follower_count").Default(0),
		field.Int64("following_count").Default(0),
		version(),
		field.Int64("following_version").Default(1),
	}
}

// Indexes is part of ent.Interface.
func (UserStats) Indexes() []ent.Index {
	return []ent.Index{index.Fields("follower_count", "id").StorageKey("user_stats_most_followed")}
}

// Annotations name the table.
func (UserStats) Annotations() []schema.Annotation { return []schema.Annotation{table("user_stats")} }
