package cache

// Health is how a node gets on with Redis.
type Health struct {
	// Open says that calls of some server are refused because the last ones failed.
	Open bool
	// Failed calls went wrong, Refused ones were not made, and of Doubtful ones it is not clear whether Redis or this
	// process was late, since the node began.
	Failed, Refused, Doubtful int64
}

// Health tells it now.
func (r *Redis) Health() Health {
	h := Health{Open: r.layout.isOpen(), Failed: r.failed.Load(), Refused: r.refused.Load(), Doubtful: r.doubtful.Load()}
	r.shards.Range(func(_, s any) bool {
		h.Open = h.Open || s.(*shard).breaker.isOpen()
		return true
	})
	return h
}
