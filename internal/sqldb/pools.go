package sqldb

import "database/sql"

// Pools returns the pools of connections by name: "writer" and, on SQLite, "reader".
func (db *DB) Pools() map[string]*sql.DB {
	pools := map[string]*sql.DB{"writer": db.write}
	if db.read != db.write {
		pools["reader"] = db.read
	}
	return pools
}
