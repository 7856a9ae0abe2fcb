package rig

import (
	"context"
)

// second makes the second Roost.
func (r *Rig) second(ctx context.Context) error {
	redis, err := r.PrivateRedis(ctx)
	if err != nil {
		return err
	}
	r.Second = &Target{Name: r.Roost.Name, rig: r, Patient: r.Roost.Patient, redisURL: redis.URL, redis: redis.pid}
	if err := r.copyTo(ctx, r.Second, "second"); err != nil {
		return err
	}
	return r.Second.connect()
}

// Swap stops Roost and starts the second Roost in its place, or the other way around if they were swapped before.
func (r *Rig) Swap(ctx context.Context) error {
	if err := r.Roost.Stop(); err != nil {
		return err
	}
	r.Roost, r.Second = r.Second, r.Roost
	return r.Roost.Restart(ctx)
}
