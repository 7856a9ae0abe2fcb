package sqldb

import (
	"encoding/json"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/lib/pq"
)

// In returns an ent predicate that holds if the column is one of the values. The text of the statement does not depend on their
// number, so it can be prepared.
func In[T int64 | string](column string, values []T) func(*entsql.Selector) {
	return func(s *entsql.Selector) {
		before, after, list := " IN (SELECT value FROM json_each(", "))", any(jsonList(values))
		if s.Dialect() == dialect.Postgres {
			before, after, list = " = ANY(", ")", pq.Array(values)
		}
		s.Where(entsql.P(func(b *entsql.Builder) {
			b.WriteString(s.C(column) + before).Arg(list).WriteString(after)
		}))
	}
}

// List returns ids as one argument of a raw statement. The SQL of Rows or Member reads it.
func (d *Driver) List(ids []int64) any {
	if d.dialect == dialect.Postgres {
		return pq.Array(ids)
	}
	return jsonList(ids)
}

// Rows returns SQL that reads a List argument as rows: Rows("$1", "a") is a table a with one column, id.
func (d *Driver) Rows(arg, alias string) string {
	if d.dialect == dialect.Postgres {
		return "unnest(" + arg + "::bigint[]) AS " + alias + "(id)"
	}
	return "(SELECT value AS id FROM json_each(" + arg + ")) AS " + alias
}

// Member returns SQL that holds when the column is in a List argument.
func (d *Driver) Member(column, arg string) string {
	if d.dialect == dialect.Postgres {
		return column + " = ANY(" + arg + ")"
	}
	return column + " IN (SELECT value FROM json_each(" + arg + "))"
}

func jsonList[T int64 | string](values []T) string {
	b, err := json.Marshal(values)
	if err != nil || values == nil {
		return "[]"
	}
	return string(b)
}
