package reactions

import (
	"context"
	"errors"
	"math/rand/v2"

	"roost/internal/sqldb"
)

// Counter is a running way of counting. It is safe for concurrent use.
type Counter interface {
	// Like stores a user's like of a tweet, which is acknowledged if Like returns nil.
	Like(ctx context.Context, user, tweet int64) error
	// Shown returns the likes of a tweet that a reader sees.
	Shown(ctx context.Context, tweet int64) (int64, error)
	// Interrupt ends the background work of the counter as a kill would, and Resume starts it again.
	Interrupt(ctx context.Context) error
	Resume(ctx context.Context) error
	// Stop stops everything.
	Stop(ctx context.Context) error
}

// Way makes counters of a kind.
type Way struct {
	Name string
	open func(ctx context.Context, s stores) (Counter, error)
}

// Ways lists all ways, Roost's last.
var Ways = []Way{
	{"hot row", openHot},
	{"queue", openQueue},
	{"cached increment", openIncrement},
	{"roost", openRoost},
}

// stores are what a counter runs on. die reports whether a writer dies between its commit and what it does in Redis.
type stores struct {
	db    *sqldb.DB
	redis string // URL
	die   func() bool
}

// errDied is the error of a like that is committed, by a writer who died afterwards.
var errDied = errors.New("the writer died after its commit")

// dieOneOf is how many writers there are to each that dies.
const dieOneOf = 10

func never() bool     { return false }
func sometimes() bool { return rand.IntN(dieOneOf) == 0 }
