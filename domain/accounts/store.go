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

// Config sets the lives of sessions and the price of passwords.
type Config struct {
	// IdleTimeout ends a session that was not used for so long.
	IdleTimeout time.Duration
	// AbsoluteTimeout ends a session however often it was used.
	AbsoluteTimeout time.Duration
	// Hashing is the price of passwords.
	Hashing Hashing
}

// DefaultConfig keeps sessions for 30 idle days and a year in all.
func DefaultConfig() Config {
	return Config{IdleTimeout: 30 * 24 * time.Hour, AbsoluteTimeout: 365 * 24 * time.Hour, Hashing: DefaultHashing()}
}

// Accounts reads and writes accounts and sessions. It is safe for concurrent use.
type Accounts struct {
	client *ent.Client
	log    *events.Log
	ids    *ids.Generator
	clock  clock.Clock
	cfg    Config
	hasher *hasher
}

// New makes accounts over the log's database.
func New(client *ent.Client, log *events.Log, gen *ids.Generator, c clock.Clock, cfg Config) *Accounts {
	return &Accounts{client: client, log: log, ids: gen, clock: c, cfg: cfg, hasher: newHasher(cfg.Hashing)}
}

// UsersByID gives public profiles in one statement; unknown ids are left out.
func (a *Accounts) UsersByID(ctx context.Context, userIDs []int64) (map[int64]*User, error) {
	rows, err := a.client.User.Query().Where(sqldb.In(user.FieldID, userIDs)).
		Select(user.FieldID, user.FieldUsername, user.FieldName, user.FieldBio, user.FieldWebsiteURL, user.FieldCreatedAt).
		All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	out := make(map[int64]*User, len(rows))
	for _, r := range rows {
		out[r.ID] = userOf(r)
	}
	return out, nil
}

// PrivateByID gives private sides in one statement; unknown ids are left out.
func (a *Accounts) PrivateByID(ctx context.Context, userIDs []int64) (map[int64]*Private, error) {
	rows, err := a.client.User.Query().Where(sqldb.In(user.FieldID, userIDs)).
		Select(user.FieldID, user.FieldEmail, user.FieldSessionPolicy).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	out := make(map[int64]*Private, len(rows))
	for _, r := range rows {
		out[r.ID] = &Private{Email: r.Email, SessionPolicy: SessionPolicy(r.SessionPolicy)}
	}
	return out, nil
}

// UserIDsByName looks up usernames, ignoring case, in one statement; unknown names are left out.
func (a *Accounts) UserIDsByName(ctx context.Context, names []string) (map[string]int64, error) {
	asked := make(map[string][]string, len(names))
	keys := make([]string, 0, len(names))
	for _, n := range names {
		if !usernamePattern.MatchString(n) {
			continue
		}
		k := strings.ToLower(n)
		if asked[k] == nil {
			keys = append(keys, k)
		}
		asked[k] = append(asked[k], n)
	}
	out := make(map[string]int64, len(names))
	if len(keys) == 0 {
		return out, nil
	}
	rows, err := a.client.UsernameClaim.Query().Where(usernameclaim.IDIn(keys...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("look up usernames: %w", err)
	}
	for _, r := range rows {
		for _, n := range asked[r.ID] {
			if r.UserID != 0 {
				out[n] = r.UserID
			}
		}
	}
	return out, nil
}

// SessionsByID gives sessions in one statement, ended ones included; unknown ids are left out.
func (a *Accounts) SessionsByID(ctx context.Context, sessionIDs []int64) (map[int64]*Session, error) {
	rows, err := a.client.Session.Query().Where(sqldb.In(session.FieldID, sessionIDs)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	now := a.clock.Now()
	out := make(map[int64]*Session, len(rows))
	for _, r := range rows {
		out[r.ID] = sessionOf(r, now)
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
