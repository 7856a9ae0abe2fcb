package cache

// Health is how a node gets on with Redis.
type Health struct {
	// Open says that calls are refused because the last ones failed.
	Open bool
	// Failed calls went wrong, Refused ones were not made, since the node began.
	Failed, Refused int64
}

// Health tells it now.
func (r *Redis) Health() Health {
	return Health{Open: r.breaker.isOpen(), Failed: r.failed.Load(), Refused: r.refused.Load()}
}
