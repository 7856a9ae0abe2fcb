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

// Config sets the lives of sessions, the price of passwords, and the limits of attempts.
type Config struct {
	// IdleTimeout ends a session that was not used for so long.
	IdleTimeout time.Duration
	// AbsoluteTimeout ends a session however often it was used.
	AbsoluteTimeout time.Duration
	// Hashing is the price of passwords.
	Hashing Hashing
	// Limits bound the attempts to prove a password and to sign up.
	Limits Limits
}

// DefaultConfig keeps sessions for 30 idle days and a year in all.
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

// New makes accounts over the log's database.
func New(client *ent.Client, log *events.Log, gen *ids.Generator, c clock.Clock, cfg Config) *Accounts {
	return &Accounts{client: client, log: log, ids: gen, clock: c, cfg: cfg, hasher: newHasher(cfg.Hashing),
		limiter: newLimiter(log, c, cfg.Limits)}
}

// ByID gives accounts in one statement; unknown ids are left out.
func (a *Accounts) ByID(ctx context.Context, userIDs []int64) (map[int64]*Account, error) {
	rows, err := a.client.User.Query().Where(sqldb.In(user.FieldID, userIDs)).
		Select(user.FieldID, user.FieldUsername, user.FieldName, user.FieldBio, user.FieldWebsiteURL, user.FieldCreatedAt,
			user.FieldEmail, user.FieldSessionPolicy, user.FieldVer).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	out := make(map[int64]*Account, len(rows))
	for _, r := range rows {
		out[r.ID] = accountOf(r)
	}
	return out, nil
}

// NameKey is what a username is claimed under; ok is false for what cannot be one.
func NameKey(username string) (key string, ok bool) {
	return strings.ToLower(username), usernamePattern.MatchString(username)
}

// Names looks up who holds usernames by their NameKey, in one statement; those never claimed are left out.
func (a *Accounts) Names(ctx context.Context, keys []string) (map[string]NameClaim, error) {
	rows, err := a.client.UsernameClaim.Query().Where(usernameclaim.IDIn(keys...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("look up usernames: %w", err)
	}
	out := make(map[string]NameClaim, len(rows))
	for _, r := range rows {
		out[r.ID] = NameClaim{UserID: r.UserID, Ver: r.Ver}
	}
	return out, nil
}

// StoredSessions gives sessions in one statement, ended ones included; unknown ids are left out.
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
	// maxLive is how many live sessions a user may have; signing in beyond it ends the least recently
	// used one.
	maxLive = 50
	// maxListed is how many sessions a list gives, the ended ones included.
	maxListed = 100
)

// SessionsOf lists a user's live sessions, most recently used first; with ended, also those that
// ended, the newest 100 in all.
func (a *Accounts) SessionsOf(ctx context.Context, userID int64, ended bool) ([]*Session, error) {
	now := a.clock.Now()
	q := a.client.Session.Query()
	if ended {
		q = q.Where(sqldb.Newest(session.FieldUserID, session.FieldID, userID, maxListed))
	} else {
		// In the order of the index of the live ones, or the others would be read too.
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
