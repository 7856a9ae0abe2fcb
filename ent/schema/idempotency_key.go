package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// IdempotencyKey is a key with which a client has posted a tweet, so that it can repeat the request. The row is written in the
// transaction of the tweet, and removed some time after a day.
type IdempotencyKey struct{ ent.Schema }

// Fields of the key: the tweet, whose id contains the time of the request, and a hash of the request's arguments.
func (IdempotencyKey) Fields() []ent.Field {
	return []ent.Field{
		ownID("tweet_id"),
		field.Int64("user_id").Immutable(),
		field.String("key").Immutable(),
		field.Bytes("arguments").Immutable(),
	}
}

// Indexes make a key unique for each user.
func (IdempotencyKey) Indexes() []ent.Index {
	return []ent.Index{index.Fields("user_id", "key").Unique().StorageKey("idempotency_keys_of_user")}
}

// Annotations name the table.
func (IdempotencyKey) Annotations() []schema.Annotation {
	return []schema.Annotation{table("idempotency_keys")}
}
