package migrations

import (
	"path/filepath"
	"testing"

	"roost/internal/sqldb"
)

// An embedded database with the names of before migration 8 gets the new ones, whichever of the migrations before it is missing,
// and keeps its rows.
func TestOldSQLiteIsRenamed(t *testing.T) {
	t.Parallel()
	for name, older := range map[string][]string{
		"at migration 7":      nil,
		"before migration 3":  {"ALTER TABLE user_stats DROP COLUMN following_ver"},
		"before the versions": {"ALTER TABLE reactions DROP COLUMN ver"},
		"before migration 2": {"ALTER TABLE user_stats DROP COLUMN following_ver", "DROP TABLE group_parts", "DROP TABLE parked_events",
			"DROP TABLE log_heads"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, sqldb.Config{File: filepath.Join(t.TempDir(), "roost.db")})
			if err := CreateSQLite(t.Context(), db.Driver); err != nil {
				t.Fatal(err)
			}
			exec(t, db.Writer(), "INSERT INTO user_stats (user_id, version) VALUES (1, 7)")
			for i := range renames { // back to the old names, the last first
				r := renames[len(renames)-1-i]
				if r.column == "" {
					exec(t, db.Writer(), "ALTER TABLE "+r.to+" RENAME TO "+r.table)
				} else {
					exec(t, db.Writer(), "ALTER TABLE "+r.table+" RENAME COLUMN "+r.to+" TO "+r.column)
				}
			}
			for index, on := range map[string]string{"group_parts_key": "group_parts (group_name, part)",
				"parked_events_key": "parked_events (group_name, seq)", "parked_events_waiting": "parked_events (seq)",
				"events_timeline": "events (seq)", "events_home": "events (seq)"} {
				exec(t, db.Writer(), "CREATE INDEX "+index+" ON "+on)
			}
			for _, q := range older {
				exec(t, db.Writer(), q)
			}
			if changes(t, db) == "" {
				t.Fatal("the old database has the new schema")
			}
			for range 2 {
				if err := CreateSQLite(t.Context(), db.Driver); err != nil {
					t.Fatal(err)
				}
			}
			if got := changes(t, db); got != "" {
				t.Errorf("ent would change it:\n%s", got)
			}
			var version, following int
			err := db.Writer().QueryRowContext(t.Context(), "SELECT version, following_version FROM user_stats WHERE user_id = 1").
				Scan(&version, &following)
			if err != nil || version != 7 || following != 1 {
				t.Errorf("the row has the versions %d and %d, %v", version, following, err)
			}
		})
	}
}
