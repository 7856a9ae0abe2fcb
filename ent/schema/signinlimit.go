package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// SignInLimit counts the recent tries to sign in from one address, to one account, or of one pair of both. The key is a
// hash: people type passwords where a login belongs.
type SignInLimit struct{ ent.Schema }

// Fields of the count: used tries since the window began that ends at ends_at. Of a pair known_until says for how long
// the address is one at which the account signed in. Nobody needs the row after expires_at.
func (SignInLimit) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").StorageKey("key").Immutable(),
		field.Int64("used"),
		field.Time("ends_at"),
		field.Time("known_until").Optional().Nillable(),
		field.Time("expires_at"),
	}
}

// Indexes find the rows that nobody needs.
func (SignInLimit) Indexes() []ent.Index {
	return []ent.Index{index.Fields("expires_at").StorageKey("sign_in_limits_expired")}
}

// Annotations name the table.
func (SignInLimit) Annotations() []schema.Annotation {
	return []schema.Annotation{table("sign_in_limits")}
}
