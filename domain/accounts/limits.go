package accounts

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"time"
)

// Limits bound the attempts to prove a password and to sign up, summed over all nodes.
// docs/decisions/0016-limits-of-sign-in.md describes the policy.
//
// The window of a counter begins with its first attempt and lasts for Window; then the counter starts again at 0. So no
// period of that length has more than twice the attempts that a limit allows.
type Limits struct {
	// PerAccount bounds the failed attempts for one of the names of an account, from addresses at which the account has
	// not signed in lately. A fifth of them, but at least minPerPair, may come from one address. 0 is no limit.
	PerAccount int
	// PerAddress bounds the attempts from one IPv4 address or IPv6 /64, failed or not. 0 is no limit.
	PerAddress int
	// SignUps bounds the attempts to sign up from one IPv4 address or IPv6 /64. 0 is no limit.
	SignUps int
	// Window is how long an attempt counts.
	Window time.Duration
}

// DefaultLimits returns limits that let people mistype and offices sign in, and leave an attacker 4,800 guesses a day for
// a name.
func DefaultLimits() Limits {
	return Limits{PerAccount: 50, PerAddress: 600, SignUps: 300, Window: 15 * time.Minute}
}

// minPerPair is the least number of attempts that one address has for one name. If PerAccount is lower, that applies instead.
const minPerPair = 5

func (l Limits) perPair() int { return min(l.PerAccount, max(minPerPair, l.PerAccount/5)) }

// counterKind says what a counter counts. Transactions lock rows in the order of kinds.
type counterKind int

// The kinds of counters.
const (
	perAddress counterKind = iota
	perAccount             // of one name
	perPair                // of a name and an address
	perSession             // of a signed-in user who proves the password
	perSignUp
	counterKinds
)

// messages are the messages for clients whose attempt a counter refuses.
var messages = [counterKinds]string{
	perAddress: "too many attempts to sign in from this address, try again later",
	perAccount: "too many attempts to sign in to this account, try again later",
	perPair:    "too many attempts to sign in to this account from this address, try again later",
	perSession: "too many attempts to type the password of this account, try again later",
	perSignUp:  "too many attempts to sign up from this address, try again later",
}

// counter is a row of sign_in_limits, with the most attempts that it may count.
type counter struct {
	kind counterKind
	key  string
	max  int
}

// newCounter returns the counter that the parts identify. It hashes them, because people type passwords where a login belongs.
// The hash includes the length of each part, so that different lists of parts are never hashed as the same bytes.
func newCounter(kind counterKind, limit int, parts ...string) counter {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		h.Write([]byte(p))
	}
	return counter{kind, string(rune('a'+kind)) + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18]), limit}
}

// attempt lists the counters in which one attempt counts, in the order of kinds.
type attempt []counter

// signIn returns an attempt to sign in from an address. name has the form in which names are claimed.
func (l Limits) signIn(address, name string) (a attempt) {
	if l.PerAddress > 0 {
		a = append(a, newCounter(perAddress, l.PerAddress, address))
	}
	if l.PerAccount > 0 {
		a = append(a, newCounter(perAccount, l.PerAccount, name), newCounter(perPair, l.perPair(), address, name))
	}
	return a
}

// proof returns an attempt to prove the password while signed in. Strangers may fill the account's counter, so the attempt has
// another one in its place, but it shares the counter of the pair.
func (l Limits) proof(address, name string, userID int64) (a attempt) {
	if l.PerAddress > 0 {
		a = append(a, newCounter(perAddress, l.PerAddress, address))
	}
	if l.PerAccount > 0 {
		a = append(a, newCounter(perPair, l.perPair(), address, name),
			newCounter(perSession, l.PerAccount, strconv.FormatInt(userID, 10)))
	}
	return a
}

// signUp returns an attempt to sign up from an address.
func (l Limits) signUp(address string) (a attempt) {
	if l.SignUps > 0 {
		a = append(a, newCounter(perSignUp, l.SignUps, address))
	}
	return a
}
