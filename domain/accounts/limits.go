package accounts

import "time"

// Limits bound the tries to sign in, over all nodes. docs/decisions/0016-limits-of-sign-in.md has the policy.
//
// A window of a count begins with the first try and lasts for Window; when it ends the count begins anew. So no
// stretch of that length has more than twice as many tries as a limit says.
type Limits struct {
	// PerAccount bounds the failed tries at one account by one of its names, from addresses where it has not signed in
	// lately. From each single address a fifth of them is allowed, but at least five. 0 is no limit.
	PerAccount int
	// PerAddress bounds the tries from one IPv4 address or IPv6 /64 network, failed or not. 0 is no limit.
	PerAddress int
	// SignUps bounds the tries to sign up from one address or network. 0 is no limit.
	SignUps int
	// Window is how long tries count.
	Window time.Duration
}

// DefaultLimits let a person mistype and an office sign in, and leave an attacker 4,800 guesses a day at a name.
func DefaultLimits() Limits {
	return Limits{PerAccount: 50, PerAddress: 600, SignUps: 300, Window: 15 * time.Minute}
}

const (
	// leastPerPair is how many tries a single address may make at one account however low PerAccount is.
	leastPerPair = 5
	// knownFor is for how long an address is known to an account after a sign-in there.
	knownFor = 90 * 24 * time.Hour
	// refusalsKept is for how long a node repeats a refusal without asking the database, and mostRefusals of how many.
	refusalsKept = time.Second
	mostRefusals = 8192
)

// perPair bounds the tries from one address at one account.
func (l Limits) perPair() int { return min(l.PerAccount, max(leastPerPair, l.PerAccount/5)) }
