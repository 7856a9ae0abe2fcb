package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// UsernameClaim says who holds a username, keyed by the name in lower case.
type UsernameClaim struct{ ent.Schema }

// Fields of the claim; a user_id of 0 marks a name that was released.
func (UsernameClaim) Fields() []ent.Field {
	return []ent.Field{field.String("id").StorageKey("name").Immutable(), field.Int64("user_id"), version()}
}

// Annotations name the table.
func (UsernameClaim) Annotations() []schema.Annotation {
	return []schema.Annotation{table("username_claims")}
}

// EmailClaim says who holds an email address, keyed by the address in lower case.
type EmailClaim struct{ ent.Schema }

// Fields of the claim; a user_id of 0 marks an address that was released.
func (EmailClaim) Fields() []ent.Field {
	return []ent.Field{field.String("id").StorageKey("email").Immutable(), field.Int64("user_id"), version()}
}

// Annotations name the table.
func (EmailClaim) Annotations() []schema.Annotation {
	return []schema.Annotation{table("email_claims")}
}
