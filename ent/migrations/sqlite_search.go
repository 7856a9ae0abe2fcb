package migrations

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// searchTables are the tables of the index of search, which ent does not describe; sql/00021_search.sql has those of PostgreSQL. FTS5
// keeps which tweets have a token, and search_tweets where the tweets have it: tokens of one word share a position, which FTS5 cannot
// store. The tokens consist of letters, digits and underscores, so the tokenizer splits at spaces only.
var searchTables = []string{
	`CREATE TABLE IF NOT EXISTS search_tweets (tweet_id integer NOT NULL PRIMARY KEY, author_id integer NOT NULL, words integer NOT NULL,
		tokens text NOT NULL)`,
	`CREATE VIRTUAL TABLE IF NOT EXISTS search_index USING fts5 (tokens, content = '', contentless_delete = 1, detail = none,
		tokenize = "ascii tokenchars '_'")`,
	"CREATE INDEX IF NOT EXISTS search_tweets_of_author ON search_tweets (author_id, tweet_id)",
	`CREATE TABLE IF NOT EXISTS search_names (word text NOT NULL, name text NOT NULL, user_id integer NOT NULL,
		PRIMARY KEY (word, name, user_id)) WITHOUT ROWID`,
	"CREATE INDEX IF NOT EXISTS search_names_of_user ON search_names (user_id)",
	`CREATE TABLE IF NOT EXISTS search_fills (id integer PRIMARY KEY AUTOINCREMENT, kind text NOT NULL, first integer NOT NULL,
		next integer NOT NULL, last integer NOT NULL, rebuild boolean NOT NULL DEFAULT false)`,
}

// createSearch creates the index of search. If there was none, the rows of before are left to be indexed.
func createSearch(ctx context.Context, drv dialect.Driver) error {
	var rows entsql.Rows
	if err := drv.Query(ctx, "SELECT count(*) FROM sqlite_master WHERE name = 'search_fills'", []any{}, &rows); err != nil {
		return fmt.Errorf("look for the index of search: %w", err)
	}
	before, err := entsql.ScanInt(rows)
	if err != nil {
		return fmt.Errorf("look for the index of search: %w", err)
	}
	if err := rows.Close(); err != nil {
		return err
	}
	all := searchTables
	if before == 0 {
		all = append(all[:len(all):len(all)],
			`INSERT INTO search_fills (kind, first, next, last)
				SELECT 'users', min(id), min(id), max(id) FROM users HAVING max(id) IS NOT NULL`,
			`INSERT INTO search_fills (kind, first, next, last)
				SELECT 'tweets', min(id), min(id), max(id) FROM tweets HAVING max(id) IS NOT NULL`)
	}
	for _, q := range all {
		if err := drv.Exec(ctx, q, []any{}, nil); err != nil {
			return fmt.Errorf("create the index of search: %w", err)
		}
	}
	return nil
}
