package accounts

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"roost/ent"
	"roost/ent/user"
	"roost/ent/usernameclaim"
	"roost/events"
	"roost/internal/errs"
)

// Suspension is what Suspend or Restore has done.
type Suspension struct {
	// Username is the name as the user writes it.
	Username string
	// Changed is false if the user was suspended already, or was not suspended.
	Changed bool
	// Ended is how many sessions have ended.
	Ended int
}

// Suspend suspends a user and ends all sessions of the user for the reason ACCOUNT_CLOSED; see package suspensions. A suspended user stays
// so. The username is read, and refused, as ResetPassword does it. Suspend is for operators: it does not check who calls it.
func (a *Accounts) Suspend(ctx context.Context, username string) (Suspension, error) {
	return a.setSuspended(ctx, username, true)
}

// Restore ends the suspension of a user. Everything is as it was, apart from the sessions. A user who is not suspended stays so. Like
// Suspend, it is for operators.
func (a *Accounts) Restore(ctx context.Context, username string) (Suspension, error) {
	return a.setSuspended(ctx, username, false)
}

func (a *Accounts) setSuspended(ctx context.Context, username string, suspended bool) (out Suspension, err error) {
	key, ok := NameKey(strings.TrimPrefix(username, "@"))
	if !ok {
		return out, noSuchUser(username)
	}
	err = a.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		now, err := lockByName(ctx, tx, key)
		switch {
		case err != nil:
			return err
		case now == nil:
			return noSuchUser(username)
		}
		out = Suspension{Username: now.Username, Changed: (now.SuspendedAt != nil) != suspended}
		if !out.Changed {
			tx.AlreadyDone()
			return nil
		}
		version := now.Version + 1
		up := tx.User.Update().Where(user.ID(now.ID)).AddVersion(1)
		if !suspended {
			up.ClearSuspendedAt()
			tx.Emit(events.UserRestored{UserID: now.ID, Version: version})
		} else {
			up.SetSuspendedAt(tx.Now)
			tx.Emit(events.UserSuspended{UserID: now.ID, Version: version})
			ended, err := a.endSessions(ctx, tx, now.ID, AccountClosed, "", nil)
			if err != nil {
				return err
			}
			out.Ended = len(ended)
		}
		if err := up.Exec(ctx); err != nil {
			return fmt.Errorf("write the suspension: %w", err)
		}
		return nil
	})
	if err != nil {
		return Suspension{}, err
	}
	return out, nil
}

// PasswordReset is what ResetPassword has done.
type PasswordReset struct {
	// Username is the name as the user writes it.
	Username string
	// Password is the new password. It is stored nowhere but as a hash.
	Password string
	// Ended is how many sessions have ended.
	Ended int
}

// ResetPassword sets a random password for a user, 26 letters and digits with at least 128 random bits, and ends all sessions of the user
// for the reason PASSWORD_CHANGED. The username may have an `@` in front; its case does not matter. The field "username" is refused with
// NOT_FOUND if nobody has the name. ResetPassword is for operators: it does not check who calls it.
func (a *Accounts) ResetPassword(ctx context.Context, username string) (out PasswordReset, err error) {
	key, ok := NameKey(strings.TrimPrefix(username, "@"))
	if !ok {
		return out, noSuchUser(username)
	}
	password, hash := rand.Text(), ""
	err = a.hasher.attempt(ctx, origin{}, func(p *permit) error {
		hash = p.hash(password)
		return nil
	})
	if err != nil {
		return out, err
	}
	err = a.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		now, err := lockByName(ctx, tx, key)
		switch {
		case err != nil:
			return err
		case now == nil:
			return noSuchUser(username)
		}
		if err := tx.User.Update().Where(user.ID(now.ID)).SetPasswordHash(hash).AddVersion(1).Exec(ctx); err != nil {
			return fmt.Errorf("reset the password: %w", err)
		}
		tx.Emit(events.PasswordChanged{UserID: now.ID, Version: now.Version + 1})
		ended, err := a.endSessions(ctx, tx, now.ID, PasswordChanged, "", nil)
		out = PasswordReset{Username: now.Username, Password: password, Ended: len(ended)}
		return err
	})
	if err != nil {
		return PasswordReset{}, err
	}
	return out, nil
}

func noSuchUser(username string) *errs.Error {
	return errs.New(errs.NotFound, fmt.Sprintf("there is no user %q", username), "username")
}

// lockByName is lockUser for the user who has a name, by its NameKey; nil if nobody has it.
func lockByName(ctx context.Context, tx *events.Tx, key string) (*ent.User, error) {
	claim, err := tx.UsernameClaim.Query().Where(usernameclaim.ID(key)).Only(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return nil, fmt.Errorf("look up a username: %w", err)
	}
	if claim == nil || claim.UserID == 0 {
		return nil, nil
	}
	u, err := lockUser(ctx, tx, claim.UserID)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	if err != nil || strings.ToLower(u.Username) != key { // the user took another name meanwhile
		return nil, err
	}
	return u, nil
}
