// Package reqstats counts what one request costs: SQL statements and Redis round trips, each with the time that they take. Work
// that several requests share is counted for each of these requests.
package reqstats

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"
)

// Stats are the counts of one request. A nil *Stats counts nothing.
type Stats struct {
	sqlN, sqlNanos, redisN, redisNanos, waits atomic.Int64
}

// Key is the key of the counts among the values of a context.
type Key struct{}

// With starts counting for everything that runs under the returned context.
func With(ctx context.Context) (context.Context, *Stats) {
	s := new(Stats)
	return context.WithValue(ctx, Key{}, s), s
}

// From returns the counts of the request, nil outside of one.
func From(ctx context.Context) *Stats {
	s, _ := ctx.Value(Key{}).(*Stats)
	return s
}

// SQL counts one statement, and how long it took.
func (s *Stats) SQL(d time.Duration) {
	if s != nil {
		s.sqlN.Add(1)
		s.sqlNanos.Add(int64(d))
	}
}

// Redis counts one round trip, and how long it took.
func (s *Stats) Redis(d time.Duration) {
	if s != nil {
		s.redisN.Add(1)
		s.redisNanos.Add(int64(d))
	}
}

// Add counts the statements and round trips of work that was counted on its own, because several requests share it.
func (s *Stats) Add(shared *Stats) {
	if s == nil || shared == nil {
		return
	}
	s.sqlN.Add(shared.sqlN.Load())
	s.sqlNanos.Add(shared.sqlNanos.Load())
	s.redisN.Add(shared.redisN.Load())
	s.redisNanos.Add(shared.redisNanos.Load())
	s.waits.Add(shared.waits.Load())
}

// Waited counts one batch that a timer held back to gather keys.
func (s *Stats) Waited() {
	if s != nil {
		s.waits.Add(1)
	}
}

// Waits returns the number of batches so far that a timer held back.
func (s *Stats) Waits() int64 {
	if s == nil {
		return 0
	}
	return s.waits.Load()
}

// Statements returns the number of SQL statements so far; BEGIN and COMMIT do not count.
func (s *Stats) Statements() int64 {
	if s == nil {
		return 0
	}
	return s.sqlN.Load()
}

// RoundTrips returns the number of Redis round trips so far.
func (s *Stats) RoundTrips() int64 {
	if s == nil {
		return 0
	}
	return s.redisN.Load()
}

// Header returns the value of a Server-Timing header, with durations in milliseconds.
func (s *Stats) Header() string {
	if s == nil {
		return ""
	}
	if s.sqlN.Load() == 0 && s.redisN.Load() == 0 {
		return nothing
	}
	b := append(make([]byte, 0, 80), "sql;dur="...)
	b = appendEntry(b, s.sqlNanos.Load(), s.sqlN.Load())
	b = append(b, ", redis;dur="...)
	return string(appendEntry(b, s.redisNanos.Load(), s.redisN.Load()))
}

// nothing is the header of a request that needed no store.
const nothing = `sql;dur=0.000;desc="0", redis;dur=0.000;desc="0"`

func appendEntry(b []byte, nanos, n int64) []byte {
	b = strconv.AppendFloat(b, float64(nanos)/1e6, 'f', 3, 64)
	b = append(b, `;desc="`...)
	return append(strconv.AppendInt(b, n, 10), '"')
}
