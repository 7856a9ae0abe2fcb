package pgtest_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"roost/testkit/pgtest"
)

// What Save has stored is there in every database of FromSaved. Its server starts once, and databases are apart.
func TestSavedTemplateIsCopied(t *testing.T) {
	t.Parallel()
	name := fmt.Sprintf("saved_%d", runs.Add(1))
	kept := filepath.Join(t.TempDir(), "kept")
	err := pgtest.Save(name, kept, func(url string) error {
		db, err := sql.Open("postgres", url)
		if err != nil {
			return err
		}
		_, err = db.Exec("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
		return errors.Join(err, db.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	var places atomic.Int32
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			db := open(t, pgtest.FromSaved(t, name, func(dir string) error {
				places.Add(1)
				return pgtest.CopyDir(kept, dir)
			}))
			mustExec(t, db, fmt.Sprintf("DELETE FROM t WHERE id <= %d", i))
			if n := number(t, db, "SELECT count(*) FROM t"); n != 1000-i {
				t.Errorf("copy %d has %d rows, want %d", i, n, 1000-i)
			}
		})
	}
	wg.Wait()
	if n := places.Load(); n != 1 {
		t.Errorf("%d servers were started, want one", n)
	}
}
