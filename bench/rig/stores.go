package rig

import (
	"context"
	"errors"

	"roost/testkit/pgtest"
	"roost/testkit/redistest"
)

// Stores are a private PostgreSQL and a private redis-server without targets. They have the same settings as the stores of a Rig.
type Stores struct {
	// DatabaseURL is an empty database.
	DatabaseURL, RedisURL string

	tb *tb
}

// NewStores starts both.
func NewStores(ctx context.Context) (*Stores, error) {
	s := &Stores{tb: &tb{ctx: ctx}}
	err := s.tb.protect(func() {
		s.DatabaseURL = pgtest.StartCluster(s.tb, pgtest.Options{Settings: postgresSettings}).URL()
		s.RedisURL = redistest.Start(s.tb).URL()
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends both.
func (s *Stores) Close() error { return s.tb.close() }
