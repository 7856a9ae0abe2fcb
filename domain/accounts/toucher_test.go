package accounts

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roost/internal/clock"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/testlog"
)

// While the database is away, uses of sessions are written once a second in vain, and that is logged twice a minute.
func TestToucherWarnsRarely(t *testing.T) {
	db := dbtest.Open(t, sqldb.Config{File: dbtest.File(t)})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	log := testlog.Of(func() {
		synctest.Test(t, func(t *testing.T) {
			touch := NewToucher(newNode(db, clock.Real{}, Limits{}))
			if err := touch.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i := range int64(65) {
				touch.Used(&Session{ID: ids.SessionID{ID: i}, LastUsedAt: time.Now().Add(-touchAfter)})
				time.Sleep(touchEvery)
				touch.mu.Lock()
				if len(touch.pending) > 1 {
					t.Errorf("%d uses wait after second %d", len(touch.pending), i)
				}
				touch.mu.Unlock()
			}
			if err := touch.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})
	if n := strings.Count(log, "the last use of sessions was not written"); n < 3 || n > 4 { // the end may fail once more
		t.Errorf("65 failures in 65 seconds are logged %d times, want 3:\n%.2000s", n, log)
	}
}
