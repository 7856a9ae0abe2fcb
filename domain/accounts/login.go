package accounts

import (
	"context"
	"fmt"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"roost/ent"
	"roost/ent/emailclaim"
	"roost/ent/session"
	"roost/ent/user"
	"roost/ent/usernameclaim"
	"roost/events"
	"roost/internal/errs"
	"roost/internal/sqldb"
)

var errCredentials = errs.New(errs.InvalidCredentials, "the login or the password is wrong")

var errSuspended = errs.New(errs.NotAllowed, "this account is suspended")

// LogIn signs in with a username or an email address. Unknown users and wrong passwords get the same refusal after the same
// work: INVALID_CREDENTIALS without a field. A suspended user who has typed the right password is refused with FORBIDDEN, also after the
// same work. Attempts beyond Limits get RATE_LIMITED before any work.
func (a *Accounts) LogIn(ctx context.Context, login, password string, d Device) (*SignedIn, error) {
	if e := d.check(); e != nil {
		return nil, e
	}
	name, address := loginKey(login), d.Address.String()
	this := a.limiter.limits.signIn(address, name)
	var who *ent.User
	err := a.hasher.attempt(ctx, origin{address, name}, func(p *permit) (err error) {
		if err = a.limiter.admit(ctx, this); err != nil {
			return err
		}
		if who, err = a.byLogin(ctx, name); err != nil {
			return err
		}
		return p.check(who, password, errCredentials)
	})
	if err != nil {
		return nil, err
	}
	sessionID, err := a.ids.Next(ctx)
	if err != nil {
		return nil, err
	}
	var out *SignedIn
	err = a.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		now, err := lockUser(ctx, tx, who.ID)
		if err != nil {
			return err
		}
		if now.PasswordHash == nil || *now.PasswordHash != *who.PasswordHash {
			return errCredentials // it was changed meanwhile
		}
		if now.SuspendedAt != nil {
			return errSuspended
		}
		if err := a.makeRoom(ctx, tx, now, d); err != nil {
			return err
		}
		if out, err = a.startSession(ctx, tx, who.ID, sessionID, d); err != nil {
			return err
		}
		return a.limiter.succeeded(ctx, tx, this)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// check returns the error wrong unless the password is right. who is nil for an unknown user. Another error says that the user is
// suspended, but only with the right password.
func (p *permit) check(who *ent.User, password string, wrong *errs.Error) error {
	var stored *string
	if who != nil {
		stored = who.PasswordHash
	}
	fits, err := p.verify(stored, formsOf(password))
	switch {
	case err != nil:
		return err
	case !fits:
		return wrong
	case who.SuspendedAt != nil:
		return errSuspended
	}
	return nil
}

// loginKey returns the form in which a login is claimed, as a username or an email address, or "" if it cannot be either.
func loginKey(login string) string {
	key := strings.ToLower(cut(login, maxEmail+1))
	if !printable(key, false) {
		return ""
	}
	return key
}

// byLogin returns the account of a loginKey, or nil; both outcomes take two statements.
func (a *Accounts) byLogin(ctx context.Context, key string) (*ent.User, error) {
	var id int64
	var err error
	if strings.Contains(key, "@") {
		var c *ent.EmailClaim
		if c, err = a.client.EmailClaim.Query().Where(emailclaim.ID(key)).Only(ctx); err == nil {
			id = c.UserID
		}
	} else {
		var c *ent.UsernameClaim
		if c, err = a.client.UsernameClaim.Query().Where(usernameclaim.ID(key)).Only(ctx); err == nil {
			id = c.UserID
		}
	}
	if err != nil && !ent.IsNotFound(err) {
		return nil, fmt.Errorf("look up a login: %w", err)
	}
	u, err := a.client.User.Query().Where(user.ID(id)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up a login: %w", err)
	}
	return u, nil
}

// lockUser reads a user and keeps others from changing the user, or signing in, until the transaction ends. On SQLite only one
// transaction writes at a time, so there is no lock.
func lockUser(ctx context.Context, tx *events.Tx, id int64) (*ent.User, error) {
	q := tx.User.Query().Where(user.ID(id))
	q.Modify(func(s *entsql.Selector) {
		if s.Dialect() == dialect.Postgres {
			s.ForUpdate()
		}
	})
	u, err := q.Only(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock the user: %w", err)
	}
	return u, nil
}

// makeRoom ends the sessions that a new session replaces: all others under SINGLE_DEVICE, the session of the same device, and
// the least recently used sessions beyond the limit.
func (a *Accounts) makeRoom(ctx context.Context, tx *events.Tx, u *ent.User, d Device) error {
	if SessionPolicy(u.SessionPolicy) == SingleDevice || d.Token != nil {
		tx.AlreadyDone() // an earlier try may have ended sessions, and died before invalidating them
	}
	if SessionPolicy(u.SessionPolicy) == SingleDevice {
		_, err := a.endSessions(ctx, tx, u.ID, LoggedInElsewhere, "", nil)
		return err
	}
	if d.Token != nil {
		if _, err := a.endSessions(ctx, tx, u.ID, Revoked, "AND device_token_hash = $5", hashKey(*d.Token)); err != nil {
			return err
		}
	}
	live, err := tx.Session.Query().Where(session.UserID(u.ID), session.EndedAtIsNil(), session.ExpiresAtGT(tx.Now)).
		Order(ent.Desc(session.FieldLastUsedAt)).Offset(maxLive - 1).IDs(ctx)
	if err != nil {
		return fmt.Errorf("count sessions: %w", err)
	}
	for _, id := range live {
		if _, err := a.endSessions(ctx, tx, u.ID, Revoked, "AND id = $5", id); err != nil {
			return err
		}
	}
	return nil
}

// endSessions ends a user's live sessions, emits their events and returns their ids. If condition is not empty, it selects the
// sessions to end, with arg as its argument $5.
func (a *Accounts) endSessions(ctx context.Context, tx *events.Tx, userID int64, why EndReason, condition string, arg any,
) (ended []int64, err error) {
	args := []any{tx.Now, string(why), userID, tx.Now}
	if condition != "" {
		args = append(args, arg)
	}
	type row struct{ id, version int64 }
	rows, err := sqldb.ScanAll(ctx, tx.Client(), `UPDATE sessions SET ended_at = $1, end_reason = $2, version = version + 1
		WHERE user_id = $3 AND ended_at IS NULL AND expires_at > $4 `+condition+` RETURNING id, version`, args,
		func(r *row) []any { return []any{&r.id, &r.version} })
	if err != nil {
		return nil, fmt.Errorf("end sessions: %w", err)
	}
	for _, r := range rows {
		ended = append(ended, r.id)
		tx.Emit(events.SessionEnded{UserID: userID, SessionID: r.id, Version: r.version, Reason: string(why), At: tx.Now})
	}
	return ended, nil
}

// expiry is when a session ends unless it is used again.
func (a *Accounts) expiry(created, now time.Time) time.Time {
	idle, absolute := now.Add(a.cfg.IdleTimeout), created.Add(a.cfg.AbsoluteTimeout)
	if idle.Before(absolute) {
		return idle
	}
	return absolute
}
