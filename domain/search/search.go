package search

import (
	"time"

	"roost/internal/clock"
	"roost/internal/ids"

	"roost/events"
	"roost/internal/sqldb"
)

// Config are the settings of the index. The zero value keeps all tweets.
type Config struct {
	// Keep is for how long a tweet is in the index; 0 is for ever.
	Keep time.Duration
}

// Search reads and writes the index. It is safe for concurrent use.
type Search struct {
	db    *sqldb.DB
	log   *events.Log
	clock clock.Clock
	keep  time.Duration
}

// New returns the index in a database. db and log must belong to the same database.
func New(db *sqldb.DB, log *events.Log, c clock.Clock, cfg Config) *Search {
	return &Search{db: db, log: log, clock: c, keep: cfg.Keep}
}

// oldest returns the lowest id of tweets that belong into the index.
func (s *Search) oldest() int64 {
	if s.keep <= 0 {
		return 0
	}
	return FirstID(s.clock.Now().Add(-s.keep))
}

// FirstID returns the lowest id that a tweet of a time or a later one has, at least 0.
func FirstID(t time.Time) int64 {
	millis := ids.Millis(t)
	if t.After(ids.Time(ids.Compose(millis, 0, 0))) { // tweets show whole milliseconds
		millis++
	}
	const most = 1<<41 - 1
	return ids.Compose(min(max(millis, 0), most), 0, 0)
}
