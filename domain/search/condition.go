package search

import (
	"fmt"
	"strings"

	"roost/internal/sqldb"
	"roost/internal/words"
)

// Condition is a query as SQL, for statements that find entries of the index, or ask whether one matches. Its SQL contains nothing of the
// query but lexemes.
type Condition struct {
	query    words.Query
	postgres bool
}

// ConditionOf returns the condition of a query on a database. It fails with BadRequest for a query that words.Parse refuses.
func ConditionOf(db *sqldb.DB, query string) (Condition, error) {
	q, err := words.Parse(query)
	return Condition{q, db.IsPostgres()}, err
}

// ExcludesOnly reports whether the query says only what a text must not have, so that no index leads to what matches.
func (c Condition) ExcludesOnly() bool { return c.query.ExcludesOnly() }

// IDColumn is the column of Entries with the tweet's id, by whose order entries can be read without sorting them.
func (c Condition) IDColumn() string {
	if c.postgres || c.query.ExcludesOnly() {
		return "s.tweet_id"
	}
	return "search_index.rowid"
}

// Entries is the part of a statement from its tables on that finds the entries which match, through the index, and to which other
// conditions apply. It names search_tweets s.
func (c Condition) Entries(conditions ...string) string {
	from, all := "search_tweets AS s", []string{c.Holds("s")}
	if !c.postgres && !c.query.ExcludesOnly() {
		// CROSS JOIN makes SQLite read FTS5 first, in the order of ids.
		from = "search_index CROSS JOIN search_tweets AS s ON s.tweet_id = search_index.rowid"
		found := fmt.Sprintf("search_index MATCH '%s'", ftsQuery(c.query))
		if all = append([]string{found}, all...); isSimple(c.query) {
			all = all[:1]
		}
	}
	return from + " WHERE " + strings.Join(append(all, conditions...), " AND ")
}

// Holds is a condition on a row of the table search_tweets, by its name in the statement: that it matches.
func (c Condition) Holds(table string) string {
	if c.postgres {
		return fmt.Sprintf("%s.tokens @@ '%s'::tsquery", table, tsquery(c.query))
	}
	return fmt.Sprintf("%s(%s.tokens, '%s')", matchFunction, table, matcherQuery(c.query))
}

// HoldsByID is a condition for statements: that the entry of the tweet with an id, an SQL expression, matches. It looks the entry up by
// its id for each row.
func (c Condition) HoldsByID(id string) string {
	return "coalesce((SELECT " + c.Holds("s") + " FROM search_tweets AS s WHERE s.tweet_id = " + id + "), false)"
}
