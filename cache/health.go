package cache

// Health describes how a node's calls to Redis fare.
type Health struct {
	// Open reports whether the breaker of some server is open: calls are refused because the last ones failed.
	Open bool
	// These count calls since the node started. Failed ones got no usable answer, Refused ones were not sent, and Doubtful ones got no
	// answer in time while this process itself ran late.
	Failed, Refused, Doubtful int64
}

// Health returns the current state.
func (r *Redis) Health() Health {
	h := Health{Open: r.layout.isOpen(), Failed: r.failed.Load(), Refused: r.refused.Load(), Doubtful: r.doubtful.Load()}
	r.shards.Range(func(_, s any) bool {
		h.Open = h.Open || s.(*shard).breaker.isOpen()
		return true
	})
	return h
}
