package imports

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"roost/domain/search"
	"roost/internal/sqldb"
)

// mailDomain is the domain of the addresses of imported accounts; .invalid never resolves (RFC 2606).
const mailDomain = "@import.invalid"

// users reads users.tsv.
type users struct {
	*run
	// first holds the time of each author's first tweet, by the source's id.
	first map[int64]time.Time
	// rows holds new accounts; again holds lines whose id was imported before.
	rows, again []user
	// ids and names map the ids and names in the chunk to the user of their line.
	ids   map[int64]user
	names map[string]user
	// written are the rows of the last transaction.
	written []user
}

type user struct {
	line, external, id int64
	username, name     string
	created            time.Time
}

func (u user) key() string   { return strings.ToLower(u.username) }
func (u user) email() string { return u.username + mailDomain }

func (u *users) header() string { return "id\tusername\tname" }

func (u *users) begin(ctx context.Context) (err error) {
	u.ids, u.names = map[int64]user{}, map[string]user{}
	if err := u.loadUsers(ctx); err != nil {
		return err
	}
	u.first, err = u.firstTweets(ctx)
	return err
}

func (u *users) next() {
	for _, row := range u.written {
		u.run.users[row.external] = row.id
	}
	u.rows, u.again = u.rows[:0], u.again[:0]
	clear(u.ids)
	clear(u.names)
}

func (u *users) line(ctx context.Context, n int64, line []byte) (bad string, err error) {
	var col [3][]byte
	if bad := columns(line, col[:]); bad != "" {
		return bad, nil
	}
	external, bad := externalID(col[0], "id")
	if bad != "" {
		return bad, nil
	}
	if bad := checkUsername(col[1]); bad != "" {
		return bad, nil
	}
	row := user{line: n, external: external, username: string(col[1]), name: string(col[2])}
	if bad := checkName(row.name); bad != "" {
		return bad, nil
	}
	if row.id = u.run.users[external]; row.id != 0 {
		u.again = append(u.again, row)
		return "", nil
	}
	if was, ok := u.ids[external]; ok {
		if was.key() != row.key() {
			return fmt.Sprintf("id %d is user %s in line %d", external, was.username, was.line), nil
		}
		return "", nil
	}
	if was, ok := u.names[row.key()]; ok {
		return fmt.Sprintf("username %s is that of line %d", row.username, was.line), nil
	}
	if row.id, err = u.IDs.Next(ctx); err != nil {
		return "", err
	}
	row.created = u.now
	if at, ok := u.first[external]; ok {
		row.created = at
	}
	u.ids[external], u.names[row.key()] = row, row
	u.rows = append(u.rows, row)
	return "", nil
}

func (u *users) write(ctx context.Context, c *chunk) error {
	if err := u.compare(ctx, c); err != nil {
		return err
	}
	rows, err := u.available(ctx, c)
	if err != nil {
		return err
	}
	if err := u.claim(ctx, c, rows); err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b user) int { return cmp.Compare(a.id, b.id) })
	var hash any
	if u.PasswordHash != "" {
		hash = u.PasswordHash
	}
	_, err = c.insert(ctx, intoUsers, len(rows), func(i int, col []any) {
		r := rows[i]
		col[0], col[1], col[2], col[3], col[4], col[5] = r.id, r.username, r.name, r.email(), hash, r.created
	})
	if err != nil {
		return err
	}
	if n := len(rows); n > 0 {
		if err := search.Fill(ctx, c.DB, c.tx, search.KindUsers, rows[0].id, rows[n-1].id); err != nil {
			return err
		}
	}
	mapping := make([]mapped, len(rows))
	for i, row := range rows {
		mapping[i] = mapped{row.external, row.id}
	}
	slices.SortFunc(mapping, func(a, b mapped) int { return cmp.Compare(a.external, b.external) })
	c.inserted, u.written = int64(len(rows)), rows
	return c.addMapping(ctx, kindUser, mapping)
}

// compare finds ids that were imported under another username. It recognizes an account that was renamed since by its email
// address, and an account whose address has changed by its username.
func (u *users) compare(ctx context.Context, c *chunk) error {
	if len(u.again) == 0 {
		return nil
	}
	list := make([]int64, len(u.again))
	byID := make(map[int64][]user, len(u.again))
	for i, row := range u.again {
		list[i] = row.id
		byID[row.id] = append(byID[row.id], row)
	}
	type account struct {
		id              int64
		username, email string
	}
	accounts, err := sqldb.ScanAll(ctx, c.tx, "SELECT id, username, email FROM users WHERE "+c.DB.Member("id", "$1"), []any{c.DB.List(list)},
		func(a *account) []any { return []any{&a.id, &a.username, &a.email} })
	if err != nil {
		return fmt.Errorf("read users of earlier imports: %w", err)
	}
	for _, a := range accounts {
		for _, row := range byID[a.id] {
			if !strings.EqualFold(a.username, row.username) && !strings.EqualFold(a.email, row.email()) {
				c.bad(row.line, fmt.Sprintf("id %d was imported before, and is user %s", row.external, a.username))
			}
		}
	}
	return nil
}

// available removes users whose username or address belongs to another account.
func (u *users) available(ctx context.Context, c *chunk) ([]user, error) {
	names, emails := map[string]user{}, map[string]user{}
	for _, row := range u.rows {
		names[row.key()], emails[strings.ToLower(row.email())] = row, row
	}
	taken := map[int64]bool{}
	for _, q := range []struct {
		table, key, what string
		rows             map[string]user
	}{{"username_claims", "name", "username", names}, {"email_claims", "email", "email address", emails}} {
		arg, from := u.bulk.strings(slices.Sorted(maps.Keys(q.rows)))
		rows, err := c.tx.QueryContext(ctx, fmt.Sprintf("SELECT c.%s FROM %s JOIN %s AS c ON c.%s = l.value WHERE c.user_id <> 0",
			q.key, from, q.table, q.key), arg)
		if err != nil {
			return nil, fmt.Errorf("look for taken names: %w", err)
		}
		err = each(rows, func(key string) {
			row := q.rows[key]
			if !taken[row.external] {
				c.bad(row.line, fmt.Sprintf("%s %s belongs to another account", q.what, key))
			}
			taken[row.external] = true
		})
		if err != nil {
			return nil, fmt.Errorf("look for taken names: %w", err)
		}
	}
	return slices.DeleteFunc(slices.Clone(u.rows), func(row user) bool { return taken[row.external] }), nil
}

// claim takes usernames and addresses, all of which were free when available looked.
func (u *users) claim(ctx context.Context, c *chunk, rows []user) error {
	slices.SortFunc(rows, func(a, b user) int { return cmp.Compare(a.key(), b.key()) })
	won, err := c.insert(ctx, intoUsernames, len(rows), func(i int, col []any) {
		col[0], col[1] = rows[i].key(), rows[i].id
	})
	if err != nil {
		return err
	}
	if len(won) < len(rows) {
		return errRaced
	}
	won, err = c.insert(ctx, intoEmails, len(rows), func(i int, col []any) {
		col[0], col[1] = strings.ToLower(rows[i].email()), rows[i].id
	})
	if err != nil {
		return err
	}
	if len(won) < len(rows) {
		return errRaced
	}
	return nil
}
