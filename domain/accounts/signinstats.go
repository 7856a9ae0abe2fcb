package accounts

// SignInStats are a node's figures about attempts to prove a password and to sign up.
type SignInStats struct {
	// Waiting is how many attempts wait for a permit now.
	Waiting int
	// Hashes is how many password hashes the node has computed.
	Hashes int64
	// Refused is how many attempts the node has refused, by the limit that they reached. It has an entry for every limit.
	Refused map[string]int64
}

// SignInStats returns the figures since the node started.
func (a *Accounts) SignInStats() SignInStats {
	queue := a.hasher.queue.stats()
	return SignInStats{Waiting: queue.waiting, Hashes: a.hasher.hashes.Load(), Refused: map[string]int64{
		"address":         a.limiter.refused[perAddress].Load(),
		"account":         a.limiter.refused[perAccount].Load(),
		"account_address": a.limiter.refused[perPair].Load(),
		"session":         a.limiter.refused[perSession].Load(),
		"sign_up":         a.limiter.refused[perSignUp].Load(),
		"waiting_address": queue.refusedAddress,
		"waiting":         queue.refused,
	}}
}
