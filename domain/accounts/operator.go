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
