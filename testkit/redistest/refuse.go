package redistest

import (
	"os"
	"strings"
)

// FailSaves makes the server fail to save its data. From then on, until MendSaves, it refuses all writes with MISCONF. The
// server's data file must have the name dump.rdb.
func (r *Redis) FailSaves() {
	r.t.Helper()
	// Nothing can be renamed to the name of a directory.
	if err := os.Mkdir(r.home.Join("dump.rdb"), 0o700); err != nil {
		r.t.Fatal(err)
	}
	r.must(`CONFIG SET save "3600 1"`)
	r.save("err")
}

// MendSaves makes the server save its data, and take writes again.
func (r *Redis) MendSaves() {
	r.t.Helper()
	if err := os.Remove(r.home.Join("dump.rdb")); err != nil {
		r.t.Fatal(err)
	}
	r.save("ok")
	r.must(`CONFIG SET save ""`)
}

// save makes the server save its data, and waits until this ends with the status.
func (r *Redis) save(status string) {
	r.t.Helper()
	r.must("BGSAVE")
	until(r.t, "the end of a save: "+status, func() bool {
		info, err := r.Do("INFO persistence")
		return err == nil && strings.Contains(info, "rdb_bgsave_in_progress:0\r\n") &&
			strings.Contains(info, "rdb_last_bgsave_status:"+status+"\r\n")
	})
}

// RefuseWrites makes the server refuse all writes with NOREPLICAS, until TakeWrites.
func (r *Redis) RefuseWrites() {
	r.t.Helper()
	r.must("CONFIG SET min-replicas-to-write 1")
}

// TakeWrites ends RefuseWrites.
func (r *Redis) TakeWrites() {
	r.t.Helper()
	r.must("CONFIG SET min-replicas-to-write 0")
}
