package rig

import (
	"context"
	"errors"
	"os"

	"github.com/redis/go-redis/v9"

	"roost/testkit/redistest"
)

// PrivateRedis is a redis-server for a measurement without targets.
type PrivateRedis struct {
	URL string
	pid int
}

// PrivateRedis starts one. It ends with the rig.
func (r *Rig) PrivateRedis(ctx context.Context) (*PrivateRedis, error) {
	p := &PrivateRedis{}
	if err := r.tb.protect(func() { p.URL = redistest.Start(r.tb).URL() }); err != nil {
		return nil, err
	}
	o, err := redis.ParseURL(p.URL)
	if err != nil {
		return nil, err
	}
	rdb := redis.NewClient(o)
	p.pid, err = processOf(ctx, rdb)
	return p, errors.Join(err, rdb.Close())
}

// Usage returns the processor times of the server, and of this process as the server that uses it.
func (p *PrivateRedis) Usage() (Usage, error) {
	own, ownErr := processClock(os.Getpid())
	redis, redisErr := processClock(p.pid)
	return Usage{Server: own, Redis: redis}, errors.Join(ownErr, redisErr)
}
