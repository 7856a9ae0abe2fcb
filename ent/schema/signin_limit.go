package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// SignInLimit is a counter of recent attempts to sign in: from one address, to one account, or from one address to one
// account (a pair). The key is a hash, because people type passwords where a login belongs.
type SignInLimit struct{ ent.Schema }

// Fields of the counter: used is the number of attempts in the window that ends at ends_at. In the row of a pair, the address
// counts until known_until as one at which the account has signed in. The row may be removed after expires_at.
func (SignInLimit) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").StorageKey("key").Immutable(),
		field.Int64("used"),
		field.Time("ends_at"),
		field.Time("known_until").Optional().Nillable(),
		field.Time("expires_at"),
	}
}

// Indexes find expired rows.
func (SignInLimit) Indexes() []ent.Index {
	return []ent.Index{index.Fields("expires_at").StorageKey("sign_in_limits_expired")}
}

// Annotations name the table.
func (SignInLimit) Annotations() []schema.Annotation {
	return []schema.Annotation{table("sign_in_limits")}
}
