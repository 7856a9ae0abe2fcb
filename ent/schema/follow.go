package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Follow is the follow of one user by another. When it ends, the row stays and is inactive.
type Follow struct{ ent.Schema }

// Fields of the follow. sort_key is the time-ordered id that the follow got when it last began; lists are ordered by it.
func (Follow) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("follower_id").Immutable(),
		field.Int64("followee_id").Immutable(),
		field.Bool("active").Default(true),
		field.Int64("sort_key"),
		field.Time("followed_at"),
		version(),
	}
}

// Edges make the composite key.
func (Follow) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("follower", User.Type).Unique().Required().Immutable().Field("follower_id"),
		edge.To("followee", User.Type).Unique().Required().Immutable().Field("followee_id"),
	}
}

// Indexes list followers and followed users, newest first. They also contain the user at the other end.
func (Follow) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("follower_id", "sort_key", "followee_id").StorageKey("follows_following").
			Annotations(entsql.IndexWhere("active")),
		index.Fields("followee_id", "sort_key", "follower_id").StorageKey("follows_followers").
			Annotations(entsql.IndexWhere("active")),
	}
}

// Annotations set the key and name the table.
func (Follow) Annotations() []schema.Annotation {
	return []schema.Annotation{field.ID("follower_id", "followee_id"), table("follows")}
}
