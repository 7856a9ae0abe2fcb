package sqldb

import (
	"encoding/json"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/lib/pq"
)

// In returns an ent predicate that holds if the column is one of the ids. The text of the statement does not depend on their
// number.
func In(column string, ids []int64) func(*entsql.Selector) {
	return func(s *entsql.Selector) {
		before, after, list := " IN (SELECT value FROM json_each(", "))", any(jsonList(ids))
		if s.Dialect() == dialect.Postgres {
			before, after, list = " = ANY(", ")", pq.Array(ids)
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

func jsonList(ids []int64) string {
	b, err := json.Marshal(ids)
	if err != nil || ids == nil {
		return "[]"
	}
	return string(b)
}
