package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// IDLease assigns one node number of the id generator (internal/ids) to one process for a while.
type IDLease struct{ ent.Schema }

// Fields of the lease: ceiling is the last millisecond since the id epoch for which the owner may
// make ids.
func (IDLease) Fields() []ent.Field {
	return []ent.Field{
		field.Int("id").StorageKey("node").Immutable().Annotations(entsql.Annotation{Incremental: new(bool)}),
		field.String("owner"),
		field.Int64("ceiling"),
	}
}

// Annotations name the table.
func (IDLease) Annotations() []schema.Annotation { return []schema.Annotation{table("id_leases")} }
