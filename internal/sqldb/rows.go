package sqldb

import "database/sql"

// Rows are the rows of a statement outside of transactions. They hold a connection, and the slot for it, until
// they are closed or read to the end.
type Rows struct {
	*sql.Rows
	slot *slot
}

// Next goes to the next row.
func (r *Rows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.slot.release()
	return false
}

// NextResultSet goes to the next set of rows, if there is one.
func (r *Rows) NextResultSet() bool {
	if r.Rows.NextResultSet() {
		return true
	}
	r.slot.release()
	return false
}

// Close gives the connection back.
func (r *Rows) Close() error {
	defer r.slot.release()
	return r.Rows.Close()
}
