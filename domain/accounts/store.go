package accounts

import (
	"context"
	"fmt"
	"strings"
	"time"

	"roost/ent"
	"roost/ent/session"
	"roost/ent/user"
	"roost/ent/usernameclaim"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// Config sets how long sessions last, the cost of password hashes, and the limits of attempts.
type Config struct {
	// IdleTimeout is how long a session lasts after its last use.
	IdleTimeout time.Duration
	// AbsoluteTimeout is how long a session lasts at most, however often it is used.
	AbsoluteTimeout time.Duration
	// Hashing is the cost of password hashes.
	Hashing Hashing
	// Limits bound the attempts to prove a password and to sign up.
	Limits Limits
}

// DefaultConfig ends sessions after 30 days without use, and after a year in all.
func DefaultConfig() Config {
	return Config{IdleTimeout: 30 * 24 * time.Hour, AbsoluteTimeout: 365 * 24 * time.Hour, Hashing: DefaultHashing(), Limits: DefaultLimits()}
}

// Accounts reads and writes accounts and sessions. It is safe for concurrent use.
type Accounts struct {
	client  *ent.Client
	log     *events.Log
	ids     *ids.Generator
	clock   clock.Clock
	cfg     Config
	hasher  *hasher
	limiter *limiter
}

// New returns the accounts in a database. client and log must belong to the same database.
func New(client *ent.Client, log *events.Log, gen *ids.Generator, c clock.Clock, cfg Config) *Accounts {
	return &Accounts{client: client, log: log, ids: gen, clock: c, cfg: cfg, hasher: newHasher(cfg.Hashing),
		limiter: newLimiter(log, c, cfg.Limits)}
}

// ByID reads accounts in one statement. Unknown ids are left out.
func (a *Accounts) ByID(ctx context.Context, userIDs []int64) (map[int64]*Account, error) {
	rows, err := a.client.User.Query().Where(sqldb.In(user.FieldID, userIDs)).
		Select(user.FieldID, user.FieldUsername, user.FieldName, user.FieldBio, user.FieldWebsiteURL, user.FieldCreatedAt,
			user.FieldEmail, user.FieldSessionPolicy, user.FieldVersion).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	out := make(map[int64]*Account, len(rows))
	for _, r := range rows {
		out[r.ID] = accountOf(r)
	}
	return out, nil
}

// NameKey is the key under which a username is claimed; ok is false for a text that cannot be a username.
func NameKey(username string) (key string, ok bool) {
	return strings.ToLower(username), usernamePattern.MatchString(username)
}

// Names reads the claims of usernames by their NameKey, in one statement. Names that were never claimed are left out.
func (a *Accounts) Names(ctx context.Context, keys []string) (map[string]NameClaim, error) {
	rows, err := a.client.UsernameClaim.Query().Where(sqldb.In(usernameclaim.FieldID, keys)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("look up usernames: %w", err)
	}
	out := make(map[string]NameClaim, len(rows))
	for _, r := range rows {
		out[r.ID] = NameClaim{UserID: r.UserID, Version: r.Version}
	}
	return out, nil
}

// StoredSessions reads sessions in one statement, ended ones included. Unknown ids are left out.
func (a *Accounts) StoredSessions(ctx context.Context, sessionIDs []int64) (map[int64]*StoredSession, error) {
	rows, err := a.client.Session.Query().Where(sqldb.In(session.FieldID, sessionIDs)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	out := make(map[int64]*StoredSession, len(rows))
	for _, r := range rows {
		out[r.ID] = storedSession(r)
	}
	return out, nil
}

const (
	// maxLive is the most live sessions of a user. A sign-in beyond it ends the least recently used one.
	maxLive = 50
	// maxListed is the most sessions of a list, the ended ones included.
	maxListed = 100
)

// SessionsOf lists a user's live sessions, most recently used first. With ended, it lists the newest 100 sessions, live or
// ended.
func (a *Accounts) SessionsOf(ctx context.Context, userID int64, ended bool) ([]*Session, error) {
	now := a.clock.Now()
	q := a.client.Session.Query()
	if ended {
		q = q.Where(sqldb.Newest(session.FieldUserID, session.FieldID, userID, maxListed))
	} else {
		// This is the order of the index of live sessions. In another order the database would read ended sessions, too.
		q = q.Where(session.UserID(userID), session.EndedAtIsNil(), session.ExpiresAtGT(now)).
			Order(ent.Desc(session.FieldExpiresAt)).Limit(maxListed)
	}
	rows, err := q.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	out := make([]*Session, 0, len(rows))
	for _, r := range rows {
		if s := sessionOf(r, now); ended || s.EndedAt == nil {
			out = append(out, s)
		}
	}
	sortByUse(out)
	return out, nil
}
