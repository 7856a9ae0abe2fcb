package apitest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"roost/internal/sqldb"
)

// SignUps makes several users, some of them at once.
func (r *Roost) SignUps(t testing.TB, prefix string, n int) []*User {
	t.Helper()
	const atOnce = 16 // more would wait for each other, and too long for a request on a slow machine
	users := make([]*User, n)
	Parallel(t, min(n, atOnce), func(first int) error {
		for i := first; i < n; i += atOnce {
			users[i] = r.SignUp(t, prefix)
		}
		return nil
	})
	for _, u := range users {
		if u == nil {
			t.FailNow() // its sign-up has reported why
		}
	}
	return users
}

// Impersonate signs in as an imported user, who has no password. It makes another user, and copies that user's password to
// the imported user in the database.
func (r *Roost) Impersonate(t testing.TB, db *sqldb.DB, username string) *User {
	t.Helper()
	donor := r.SignUp(t, "donor")
	res, err := db.Writer().ExecContext(t.Context(), `UPDATE users SET version = version + 1, password_hash =
		(SELECT password_hash FROM users WHERE username = $1) WHERE username = $2`, donor.Name, username)
	if err != nil {
		t.Fatalf("set the password of %s: %v", username, err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("set the password of %s: %d rows, %v", username, n, err)
	}
	u := r.LogIn(t, &User{Name: username, Password: donor.Password})
	u.ID = u.Must(t, `{ viewer { user { id } } }`, nil).String("viewer.user.id")
	return u
}

// Parallel runs fn n times at once, waits for all, and fails the test with what they return.
func Parallel(t testing.TB, n int, fn func(i int) error) {
	t.Helper()
	var all sync.WaitGroup
	errs := make([]error, n)
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(clipped(err.Error()))
	}
}

// Try runs an operation and returns `errors` and `userErrors` of the answer as an error. So it may be used outside of the
// test's goroutine.
func (c *Client) Try(query string, vars Vars) (*Response, error) {
	r, err := c.Do(context.Background(), query, vars)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", clipped(query), err)
	}
	if len(r.Errors) > 0 {
		return r, fmt.Errorf("run %s: %s", clipped(query), clipped(string(r.Body)))
	}
	fields, _ := r.data.(map[string]any)
	for name := range fields {
		if refused, _ := r.Get(name + ".userErrors").([]any); len(refused) > 0 {
			return r, fmt.Errorf("run %s: refused: %s", clipped(query), clipped(string(r.Body)))
		}
	}
	return r, nil
}

// clipped keeps failures readable.
func clipped(s string) string {
	const most = 800
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
