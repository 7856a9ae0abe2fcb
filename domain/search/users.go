package search

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"roost/domain/accounts"
	"roost/domain/suspensions"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/internal/words"
)

// MaxNameWords is how many different words of a name are found. No name that accounts allow has more.
const MaxNameWords = 128

// afterNames is above every username that begins with what it is appended to.
const afterNames = "{"

// UserPlace is where a user is in the results of a search: the username in lower case, or for an empty query the number of followers. The
// zero UserPlace is before all users.
type UserPlace struct {
	ID        int64
	Name      string
	Followers int64
}

// UserKey names a page of a search for users: the first Size after a place.
type UserKey struct {
	Query string
	After UserPlace
	Size  int
}

// UserPage is a page of a search for users.
type UserPage struct {
	Items []UserPlace
	// More reports that the list goes on after the page.
	More bool
}

// IsEmptyUserQuery reports whether a query asks for the most followed users.
func IsEmptyUserQuery(query string) bool { return strings.TrimSpace(query) == "" }

// CheckUserQuery refuses a query with more than words.MaxQueryLength characters with BadRequest.
func CheckUserQuery(query string) error {
	if utf8.RuneCountInString(query) > words.MaxQueryLength {
		return errs.Newf(errs.BadRequest, "a search has at most %d characters", words.MaxQueryLength).Within(words.MaxQueryLength)
	}
	return nil
}

// Users reads a page in one statement. A query that is neither the beginning of a username nor has a word finds nobody. It fails with
// Unavailable as sqldb.Driver.Long does.
func (s *Search) Users(ctx context.Context, k UserKey) (UserPage, error) {
	if err := CheckUserQuery(k.Query); err != nil {
		return UserPage{}, err
	}
	statement, args, columns := mostFollowed, []any{int64(math.MaxInt64), int64(math.MaxInt64), k.Size + 1},
		func(u *UserPlace) []any { return []any{&u.Followers, &u.ID} }
	if k.After.ID != 0 {
		args[0], args[1] = k.After.Followers, k.After.ID
	}
	if !IsEmptyUserQuery(k.Query) {
		statement, args = namedStatement(k)
		columns = func(u *UserPlace) []any { return []any{&u.Name, &u.ID} }
	}
	if statement == "" {
		return UserPage{}, nil
	}
	var found []UserPlace
	err := s.db.Long(ctx, func(ctx context.Context) (err error) {
		found, err = sqldb.ScanAll(ctx, s.db, statement, args, columns)
		return err
	})
	if err != nil {
		return UserPage{}, fmt.Errorf("search users: %w", err)
	}
	if len(found) > k.Size {
		return UserPage{found[:k.Size], true}, nil
	}
	return UserPage{Items: found}, nil
}

// mostFollowed is about the index user_stats_most_followed.
var mostFollowed = `SELECT follower_count, user_id FROM user_stats WHERE (follower_count, user_id) < ($1, $2) AND ` +
	suspensions.NotSuspended("user_stats.user_id") + ` ORDER BY follower_count DESC, user_id DESC LIMIT $3`

// namedStatement finds users by username and by name; it is empty if nobody can be found.
func namedStatement(k UserKey) (statement string, args []any) {
	args = []any{k.After.Name, k.Size + 1}
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	var parts []string
	text := strings.TrimPrefix(strings.TrimSpace(k.Query), "@")
	if key, ok := accounts.NameKey(text); ok {
		parts = append(parts, fmt.Sprintf(`SELECT * FROM (SELECT name, user_id FROM search_names WHERE word = '' AND name >= %s AND name < %s
			AND name > $1 AND %s ORDER BY name LIMIT $2) AS p`, arg(key), arg(key+afterNames), suspensions.NotSuspended("search_names.user_id")))
	}
	if all := nameWords(text); len(all) > 0 && len(all) <= MaxNameWords {
		others := ""
		for _, w := range all[1:] {
			others += " AND EXISTS (SELECT 1 FROM search_names AS o WHERE o.word = " + arg(w) + " AND o.name = n.name AND o.user_id = n.user_id)"
		}
		parts = append(parts, fmt.Sprintf(`SELECT * FROM (SELECT n.name AS name, n.user_id AS user_id FROM search_names AS n
			WHERE n.word = %s AND n.name > $1%s AND %s ORDER BY n.name LIMIT $2) AS w`, arg(all[0]), others, suspensions.NotSuspended("n.user_id")))
	}
	if len(parts) == 0 {
		return "", nil
	}
	return "SELECT name, user_id FROM (" + strings.Join(parts, " UNION ") + ") AS found ORDER BY name, user_id LIMIT $2", args
}

// nameWords returns the different lexemes of a name or a query, the longest first, because it is in the fewest names.
func nameWords(name string) []string {
	var all []string
	for _, t := range words.Tokens(name) {
		all = append(all, lexeme(t))
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(all)
}
