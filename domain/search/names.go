package search

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lib/pq"

	"roost/ent"
	"roost/internal/sqldb"
)

// userRow is what the index needs of a user.
type userRow struct {
	id             int64
	username, name string
}

func (r *userRow) columns() []any { return []any{&r.id, &r.username, &r.name} }

// userColumns are the columns of a userRow.
const userColumns = "id, username, name"

// indexUsers makes the entries of users what the users are now.
func (s *Search) indexUsers(ctx context.Context, tx *ent.Tx, userIDs []int64) error {
	if len(userIDs) == 0 {
		return nil
	}
	rows, err := sqldb.ScanAll(ctx, tx.Client(), "SELECT "+userColumns+" FROM users WHERE "+s.db.Member("id", "$1"),
		[]any{s.db.List(userIDs)}, (*userRow).columns)
	if err != nil {
		return fmt.Errorf("read users to index: %w", err)
	}
	return s.putUsers(ctx, tx, rows)
}

// putUsers replaces the entries of users.
func (s *Search) putUsers(ctx context.Context, tx *ent.Tx, rows []userRow) error {
	var users []int64
	var names, lexemes []string
	all := make([]int64, len(rows))
	for i, r := range rows {
		all[i] = r.id
		found := nameWords(r.name)
		for _, w := range append(found[:min(len(found), MaxNameWords)], "") {
			users, names, lexemes = append(users, r.id), append(names, strings.ToLower(r.username)), append(lexemes, w)
		}
	}
	if len(all) == 0 {
		return nil
	}
	if _, err := tx.Client().ExecContext(ctx, "DELETE FROM search_names WHERE "+s.db.Member("user_id", "$1"), s.db.List(all)); err != nil {
		return fmt.Errorf("remove users from the index: %w", err)
	}
	statement := `INSERT INTO search_names (word, name, user_id) SELECT t.word, t.name, t.id
		FROM unnest($1::text[], $2::text[], $3::bigint[]) AS t(word, name, id) ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING`
	args := []any{pq.Array(lexemes), pq.Array(names), pq.Array(users)}
	if !s.db.IsPostgres() {
		list := make([][3]any, len(users))
		for i, id := range users {
			list[i] = [3]any{lexemes[i], names[i], id}
		}
		text, err := json.Marshal(list)
		if err != nil {
			return err
		}
		statement = `INSERT INTO search_names (word, name, user_id) SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),
			json_extract(value, '$[2]') FROM json_each($1) WHERE true ON CONFLICT DO NOTHING`
		args = []any{string(text)}
	}
	if _, err := tx.Client().ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("index users: %w", err)
	}
	return nil
}
