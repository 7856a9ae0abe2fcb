package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Session is a sign-in on one device. The row stays when the session ends.
type Session struct{ ent.Schema }

// Fields of the session; of the key only its SHA-256 is kept.
func (Session) Fields() []ent.Field {
	return []ent.Field{
		ownID("id"),
		field.Int64("user_id").Immutable(),
		field.Bytes("key_hash").Immutable().Sensitive(),
		field.Bytes("device_token_hash").Optional().Nillable().Immutable().Sensitive(),
		field.String("device_name").Optional().Nillable().Immutable(),
		field.String("user_agent").Optional().Nillable().Immutable(),
		field.Time("created_at").Immutable(),
		field.Time("expires_at"),
		field.Time("last_used_at"),
		field.Time("ended_at").Optional().Nillable(),
		field.Enum("end_reason").Optional().Nillable().Values("LOGGED_OUT", "LOGGED_IN_ELSEWHERE", "REVOKED",
			"PASSWORD_CHANGED", "EXPIRED", "ACCOUNT_CLOSED"),
		version(),
	}
}

// Indexes list a user's live sessions, and all of a user's sessions with the newest first. Expired sessions are not marked as
// ended, so the index of live sessions contains the time at which each expires.
func (Session) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("user_id", "expires_at").StorageKey("sessions_live").Annotations(entsql.IndexWhere("ended_at IS NULL")),
		index.Fields("user_id", "id").StorageKey("sessions_of_user"),
	}
}

// Annotations name the table.
func (Session) Annotations() []schema.Annotation { return []schema.Annotation{table("sessions")} }
