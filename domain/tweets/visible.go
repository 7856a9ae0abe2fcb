package tweets

import (
	"roost/domain/suspensions"
	"roost/ent"
	"roost/ent/predicate"
	"roost/ent/tweet"
)

// Whether a tweet is visible is decided in this file alone, in the forms that readers need: for SQL, for ent, for a row of
// ent, and for a tweet that was read. A deleted tweet is visible to nobody, its author included, and the tweets of a suspended user to
// nobody either.

// VisibleSQL is the condition on a row of the table tweets whose author is not suspended, for statements in which no other table has these
// columns.
const VisibleSQL = "deleted_at IS NULL"

// VisibleToAll is the condition on a row of the table tweets, whoever wrote it, for statements in which no other table has these columns.
var VisibleToAll = VisibleSQL + " AND " + suspensions.NotSuspended("author_id")

// VisibleByID is a condition for statements: that the tweet with an id, an SQL expression, is visible. PostgreSQL looks the tweet up by its
// id for each row. For EXISTS, which is the same, it may read the whole table first, when it has no statistics.
func VisibleByID(id string) string {
	return "coalesce((SELECT true FROM tweets WHERE id = " + id + " AND " + VisibleToAll + "), false)"
}

// IsVisible is VisibleSQL for queries of ent: it does not ask whether the author is suspended.
func IsVisible() predicate.Tweet { return tweet.DeletedAtIsNil() }

// deleted reports whether a row of ent is not visible.
func deleted(row *ent.Tweet) bool { return row.DeletedAt != nil }

// Visible returns the tweet if it is visible, otherwise nil. The tweet may be nil. suspended has the users who are suspended.
func Visible(t *Tweet, suspended *suspensions.Set) *Tweet {
	if t == nil || t.Deleted || suspended.Has(t.AuthorID) {
		return nil
	}
	return t
}
