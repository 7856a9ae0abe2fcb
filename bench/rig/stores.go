package rig

import (
	"context"
	"database/sql"
	"errors"
	"os"

	"github.com/redis/go-redis/v9"

	"roost/testkit/pgtest"
	"roost/testkit/redistest"
)

// Stores are a private PostgreSQL and a private redis-server without targets. They have the same settings as the stores of a Rig.
type Stores struct {
	// DatabaseURL is an empty database.
	DatabaseURL, RedisURL string

	tb              *tb
	postgres, redis int // process ids
}

// NewStores starts both.
func NewStores(ctx context.Context) (*Stores, error) {
	s := &Stores{tb: &tb{ctx: ctx}}
	err := s.tb.protect(func() {
		s.DatabaseURL = pgtest.StartCluster(s.tb, pgtest.Options{Settings: postgresSettings}).URL()
		s.RedisURL = redistest.Start(s.tb).URL()
	})
	if err == nil {
		err = s.find(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// find asks the servers for their process ids.
func (s *Stores) find(ctx context.Context) error {
	db, err := sql.Open("postgres", s.DatabaseURL)
	if err != nil {
		return err
	}
	s.postgres, err = postmaster(ctx, db)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	o, err := redis.ParseURL(s.RedisURL)
	if err != nil {
		return err
	}
	rdb := redis.NewClient(o)
	s.redis, err = processOf(ctx, rdb)
	return errors.Join(err, rdb.Close())
}

// Usage returns the processor times of both, and of this process as the server that uses them.
func (s *Stores) Usage() (u Usage, err error) {
	server, serverErr := processClock(os.Getpid())
	postgres, postgresErr := familyTime(s.postgres)
	redis, redisErr := processClock(s.redis)
	machine, machineErr := machineTime()
	return Usage{Server: server, Postgres: postgres, Redis: redis, Machine: machine}, errors.Join(serverErr, postgresErr, redisErr, machineErr)
}

// Close ends both.
func (s *Stores) Close() error { return s.tb.close() }
