package budget

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"roost/internal/caller"
	"roost/internal/errs"
	"roost/internal/gcra"
)

const (
	// Window is the time in which a budget can be spent.
	Window = time.Minute
	// ManyUsers is how many users' budgets the signed-in callers of one address share.
	ManyUsers = 20
	// ReportAfter is how long a spending may be unreported.
	ReportAfter = 5 * time.Second
	// MaxKeys is how many debts a node remembers.
	MaxKeys = 64 << 10
	// share is the part of a limit that a node may spend unreported, as a divisor.
	share = 20
	// ownPart is the part of a user's budget that does not depend on others of the same address, as a divisor.
	ownPart = 10
	// away is how long a store that has failed is not waited for.
	away = time.Second
	// maxLimit is the largest limit; it fits GraphQL's Int.
	maxLimit = 1<<31 - 1
)

// Store keeps the debts that nodes share; cache.Budgets is one.
type Store interface {
	// Spend adds spendings to debts, and sets the results of the entries.
	Spend(ctx context.Context, entries []gcra.Entry)
}

// Config says how much callers may spend.
type Config struct {
	// User is how many points a signed-in user may spend in a window; 0 is no limit.
	User int
	// Address is how many points the callers without a session of one address may spend in a window, together; 0 is no limit.
	Address int
	// Store is shared with other nodes; nil means that there are none.
	Store Store
	// Window is the length of a window; 0 is the constant Window. Tests set it.
	Window time.Duration
	// Now returns the time since a moment in the past; nil uses the machine's clock. Tests set it.
	Now func() time.Duration
}

// Check refuses a limit that is negative or too large, and one with which operations that the guard allows could never run: most is what
// one operation may cost.
func Check(limit, most int) error {
	if limit == 0 || limit >= most && limit <= maxLimit {
		return nil
	}
	return fmt.Errorf("%d is neither 0 nor between %d, which one operation may cost, and %d", limit, most, maxLimit)
}

// Budgets are the budgets of all callers of a node. They are safe for concurrent use.
type Budgets struct {
	user, address, users gcra.Rate
	// own is the part of a user's budget that does not depend on others of the same address.
	own     gcra.Rate
	store   Store
	now     func() time.Duration
	debts   debts
	reports reports

	refused                  [kinds]atomic.Int64
	reported, failed, waited atomic.Int64
	awayUntil                atomic.Int64 // of the store, by now
}

// Kind is what a budget belongs to.
type Kind uint8

// The kinds of budgets.
const (
	User    Kind = iota
	Address      // the callers without a session of an address
	Users        // the signed-in callers of an address
	kinds
)

// New returns full budgets.
func New(c Config) *Budgets {
	window := cmp.Or(c.Window, Window)
	b := &Budgets{
		user:    gcra.Rate{Limit: int64(c.User), Window: window},
		address: gcra.Rate{Limit: int64(c.Address), Window: window},
		users:   gcra.Rate{Limit: min(ManyUsers*int64(c.User), maxLimit), Window: window},
		own:     gcra.Rate{Limit: int64(c.User) / ownPart, Window: window / ownPart},
		store:   c.Store, now: c.Now,
	}
	if b.now == nil {
		start := time.Now()
		b.now = func() time.Duration { return time.Since(start) }
	}
	b.debts.init()
	b.reports.init()
	return b
}

// Charge lets a caller pay for an operation before it begins. It sets the caller's Budget. The error is RATE_LIMITED if the caller cannot
// pay.
func (b *Budgets) Charge(ctx context.Context, who *caller.Caller, points int) *errs.Error {
	who.Budget = caller.Budget{Cost: points, ResetAt: time.Now()}
	if user := who.UserID(); user == 0 {
		return b.chargeAddress(ctx, who, int64(points))
	} else if b.user.Limit > 0 {
		return b.chargeUser(ctx, who, user, int64(points))
	}
	return nil
}

// IsSpent reports whether the caller can pay nothing now, as far as this node can say.
func (b *Budgets) IsSpent(who *caller.Caller) bool {
	_, _, spent := b.spent(who)
	return spent
}

// Refuse returns the error of Charge for a caller who can pay nothing, as far as this node can say, and sets the caller's Budget. It
// returns nil for others.
func (b *Budgets) Refuse(who *caller.Caller) *errs.Error {
	rate, debt, spent := b.spent(who)
	if !spent {
		return nil
	}
	b.fill(who, rate, debt, 0)
	kind := Address
	if who.UserID() != 0 {
		kind = User
	}
	return b.refuse(kind, rate.Wait(debt, 1))
}

func (b *Budgets) spent(who *caller.Caller) (rate gcra.Rate, debt time.Duration, spent bool) {
	rate, of := b.address, key{kind: Address, network: who.Address}
	if user := who.UserID(); user != 0 {
		rate, of = b.user, key{kind: User, user: user}
	}
	if rate.Limit == 0 {
		return rate, 0, false
	}
	if d := b.debts.find(of); d != nil {
		debt = d.now(b.now())
	}
	return rate, debt, rate.Left(debt) == 0
}

func (b *Budgets) chargeAddress(ctx context.Context, who *caller.Caller, points int64) *errs.Error {
	if b.address.Limit == 0 {
		return nil
	}
	d := b.debts.of(key{kind: Address, network: who.Address})
	debt, ok := b.spend(ctx, d, b.address, points)
	b.fill(who, b.address, debt, b.address.Left(debt))
	if !ok {
		return b.refuse(Address, b.address.Wait(debt, points))
	}
	return nil
}

func (b *Budgets) chargeUser(ctx context.Context, who *caller.Caller, user, points int64) *errs.Error {
	d, all := b.debts.of(key{kind: User, user: user}), b.debts.of(key{kind: Users, network: who.Address})
	now := b.now()
	debt, others := d.now(now), all.now(now)
	if b.user.Allows(debt, points) && !b.own.Allows(debt, points) && !b.users.Allows(others, points) {
		wait := b.users.Wait(others, points)
		if points <= b.own.Limit {
			wait = min(wait, b.own.Wait(debt, points))
		}
		b.fill(who, b.user, debt, b.leftOfUser(debt, others))
		return b.refuse(Users, wait)
	}
	debt, ok := b.spend(ctx, d, b.user, points)
	if !ok {
		b.fill(who, b.user, debt, b.leftOfUser(debt, others))
		return b.refuse(User, b.user.Wait(debt, points))
	}
	b.fill(who, b.user, debt, b.leftOfUser(debt, b.add(all, b.users, points)))
	return nil
}

// leftOfUser returns what a user can pay. others is the debt of all users of the address.
func (b *Budgets) leftOfUser(debt, others time.Duration) int64 {
	return min(b.user.Left(debt), max(b.users.Left(others), b.own.Left(debt)))
}

// fill says what is left.
func (b *Budgets) fill(who *caller.Caller, rate gcra.Rate, debt time.Duration, left int64) {
	who.Budget.Limit, who.Budget.Remaining = int(rate.Limit), int(left)
	who.Budget.Reset, who.Budget.ResetAt = debt, time.Now().Add(debt)
}

func (b *Budgets) refuse(kind Kind, wait time.Duration) *errs.Error {
	b.refused[kind].Add(1)
	return &errs.Error{Kind: errs.RateLimited, Message: messages[kind], RetryAfter: max(wait, time.Microsecond)}
}

var messages = [kinds]string{
	User:    "the budget of this user is spent, see `rateLimit`",
	Address: "the budget of callers without a session from this address is spent, see `rateLimit`",
	Users:   "the users at this address have spent what they may spend together, see `rateLimit`",
}

// Stats are counts since the start of the node, except for Keys.
type Stats struct {
	// Refused are the operations that were refused, by Kind.
	Refused [3]int64
	// Reported and Failed are the reports that the store has answered, and those that it has not. Waited are the operations that waited for
	// one.
	Reported, Failed, Waited int64
	// Keys is how many debts the node remembers.
	Keys int
}

// Stats returns the counts.
func (b *Budgets) Stats() Stats {
	s := Stats{Reported: b.reported.Load(), Failed: b.failed.Load(), Waited: b.waited.Load(), Keys: b.debts.len()}
	for kind := range s.Refused {
		s.Refused[kind] = b.refused[kind].Load()
	}
	return s
}
