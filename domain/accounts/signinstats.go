package accounts

// SignInStats are what a node has done about tries to sign in and up since it started.
type SignInStats struct {
	// Waiting is how many wait for their turn now, Hashes how many password hashes were computed.
	Waiting int
	Hashes  int64
	// Refused is how many tries were refused before a hash, by the limit that they met.
	Refused map[string]int64
}

// SignInStats reads the figures; Refused always has all limits.
func (a *Accounts) SignInStats() SignInStats {
	load := a.hasher.turns.load()
	return SignInStats{Waiting: load.waiting, Hashes: a.hasher.hashes.Load(), Refused: map[string]int64{
		"address":         a.limiter.refused[ofAddress].Load(),
		"account":         a.limiter.refused[ofAccount].Load(),
		"account_address": a.limiter.refused[ofPair].Load(),
		"session":         a.limiter.refused[ofSession].Load(),
		"sign_up":         a.limiter.refused[ofSignUps].Load(),
		"waiting_address": load.refusedEach,
		"waiting":         load.refusedAll,
	}}
}
