package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// GroupPartition is the position of a consumer group in one partition of the aggregates, with the lease of the node that works
// on it.
type GroupPartition struct{ ent.Schema }

// Fields of the partition; its key is "group/partition".
func (GroupPartition) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").Immutable(),
		field.String("group_name").Immutable(),
		field.Int("partition").Immutable(),
		field.Int64("position"),
		field.String("owner").Default(""),
		field.Time("leased_until"),
		field.Time("moved_at"),
	}
}

// Indexes enforce the natural key.
func (GroupPartition) Indexes() []ent.Index {
	return []ent.Index{index.Fields("group_name", "partition").Unique().StorageKey("group_partitions_key")}
}

// Annotations name the table.
func (GroupPartition) Annotations() []schema.Annotation {
	return []schema.Annotation{table("group_partitions")}
}
