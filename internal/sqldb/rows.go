package sqldb

import "database/sql"

// Rows are the rows of a statement outside of transactions. They hold a connection, and the permit for it, until
// they are closed or read to the end.
type Rows struct {
	*sql.Rows
	permit *permit
}

// Next goes to the next row.
func (r *Rows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.permit.release()
	return false
}

// NextResultSet goes to the next set of rows, if there is one.
func (r *Rows) NextResultSet() bool {
	if r.Rows.NextResultSet() {
		return true
	}
	r.permit.release()
	return false
}

// Close returns the connection to the pool.
func (r *Rows) Close() error {
	defer r.permit.release()
	return r.Rows.Close()
}
