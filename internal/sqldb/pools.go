package sqldb

import "database/sql"

// Pools are the pools of connections by what they are for: one that writes and, on SQLite, one that reads.
func (db *DB) Pools() map[string]*sql.DB {
	pools := map[string]*sql.DB{"writer": db.write}
	if db.read != db.write {
		pools["reader"] = db.read
	}
	return pools
}
