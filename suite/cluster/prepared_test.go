package cluster

import (
	"fmt"
	"testing"

	"roost/testkit/apitest"
)

// While migrations change the types of columns that the node's prepared statements read, no request fails, also none in the middle
// of a transaction, and every answer is right.
func TestTypesOfColumnsChangeUnderALiveSite(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Server)
	db := r.DB(t)
	people := newUsers(t, r, "user")
	beBusy(t, people, 10) // until the statements are prepared
	done := make(chan struct{})
	go func() {
		defer close(done)
		beBusy(t, people, 30)
	}()
	for changes := 0; ; changes++ {
		select {
		case <-done:
			if changes < 2 {
				t.Errorf("only %d changes were made", changes)
			}
			return
		default:
		}
		for _, column := range []string{"tweets ALTER COLUMN text", "users ALTER COLUMN bio"} {
			q := fmt.Sprintf("ALTER TABLE %s TYPE varchar(%d)", column, 1000+changes)
			if _, err := db.Writer().ExecContext(t.Context(), q); err != nil {
				t.Fatalf("%s: %v", q, err)
			}
		}
	}
}
