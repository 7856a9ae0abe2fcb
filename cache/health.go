package cache

// Health is how a node gets on with Redis.
type Health struct {
	// Open says that calls of some server are refused because the last ones failed.
	Open bool
	// Failed calls went wrong, Refused ones were not made, since the node began.
	Failed, Refused int64
}

// Health tells it now.
func (r *Redis) Health() Health {
	h := Health{Open: r.layout.isOpen(), Failed: r.failed.Load(), Refused: r.refused.Load()}
	r.shards.Range(func(_, s any) bool {
		h.Open = h.Open || s.(*shard).breaker.isOpen()
		return true
	})
	return h
}
