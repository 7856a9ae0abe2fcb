package accounts

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"roost/ent"
	"roost/ent/user"
	"roost/events"
	"roost/internal/errs"
)

// ProfileChange is a change of a public profile. A nil field stays as it is. An empty name means the username, an empty
// website removes it.
type ProfileChange struct {
	Name, Bio, WebsiteURL *string
}

// UpdateProfile changes the public profile. Fields that are not valid are refused, all of them at once.
func (a *Accounts) UpdateProfile(ctx context.Context, userID int64, in ProfileChange) error {
	var bad [3]*errs.Error
	if in.Name != nil && *in.Name != "" {
		trimmed := strings.TrimSpace(*in.Name)
		in.Name = &trimmed
		bad[0] = checkName(trimmed)
	}
	if in.Bio != nil {
		bad[1] = checkText(*in.Bio, "bio", MaxBio, false, true)
	}
	if in.WebsiteURL != nil && *in.WebsiteURL != "" {
		var kept string
		kept, bad[2] = checkWebsite(*in.WebsiteURL)
		in.WebsiteURL = &kept
	}
	if err := gather(bad[:]...); err != nil {
		return err
	}
	if in == (ProfileChange{}) {
		return nil
	}
	return a.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		now, err := lockUser(ctx, tx, userID)
		if err != nil {
			return err
		}
		up := tx.User.Update().Where(user.ID(userID)).AddVersion(1).SetNillableBio(in.Bio)
		if in.Name != nil {
			name := *in.Name
			if name == "" {
				name = now.Username
			}
			up.SetName(name)
		}
		if in.WebsiteURL != nil {
			if *in.WebsiteURL == "" {
				up.ClearWebsiteURL()
			} else {
				up.SetWebsiteURL(*in.WebsiteURL)
			}
		}
		if err := up.Exec(ctx); err != nil {
			return fmt.Errorf("update the profile: %w", err)
		}
		tx.Emit(events.ProfileUpdated{UserID: userID, Version: now.Version + 1})
		return nil
	})
}

// SettingsChange is a change of private settings. A nil field stays as it is.
type SettingsChange struct {
	Username, Email *string
	SessionPolicy   *SessionPolicy
	// CurrentPassword is needed to change the email address. Address is where the request comes from, for Limits.
	CurrentPassword *string
	Address         netip.Prefix
}

// UpdateSettings changes private settings. Usernames and email addresses that another user has are refused with TAKEN. A change
// of the email address needs the current password: without it the refusal is REQUIRED, with a wrong one INVALID_CREDENTIALS.
func (a *Accounts) UpdateSettings(ctx context.Context, userID int64, in SettingsChange) error {
	var bad [2]*errs.Error
	if in.Username != nil {
		bad[0] = checkUsername(*in.Username)
	}
	if in.Email != nil {
		bad[1] = checkEmail(*in.Email)
	}
	if err := gather(bad[:]...); err != nil {
		return err
	}
	if in.Username == nil && in.Email == nil && in.SessionPolicy == nil {
		return nil
	}
	var shown *proof
	if in.Email != nil {
		var err error
		if shown, err = a.proveForEmail(ctx, userID, in); err != nil {
			return err
		}
	}
	return a.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		now, err := lockUser(ctx, tx, userID)
		if err != nil {
			return err
		}
		if in.Email != nil && *in.Email != now.Email {
			if err := shown.holds(now); err != nil {
				return err
			}
		}
		change := events.SettingsUpdated{UserID: userID, Version: now.Version + 1}
		up := tx.User.Update().Where(user.ID(userID)).AddVersion(1)
		if in.Username != nil && *in.Username != now.Username {
			up.SetUsername(*in.Username)
			change.OldUsername, change.NewUsername = now.Username, *in.Username
		}
		if in.Username != nil && sameClaim(now.Username, *in.Username) {
			tx.AlreadyDone() // another request may have just moved the claims, from a name that is not stored any more
		}
		if in.Email != nil {
			up.SetEmail(*in.Email)
		}
		if change.OldNameVersion, change.NewNameVersion, err = moveClaims(ctx, tx, now, in); err != nil {
			return err
		}
		if in.SessionPolicy != nil {
			up.SetSessionPolicy(user.SessionPolicy(*in.SessionPolicy))
		}
		if err := up.Exec(ctx); err != nil {
			return fmt.Errorf("update the settings: %w", err)
		}
		tx.Emit(change)
		return a.accept(ctx, tx, shown)
	})
}

// sameClaim reports whether two names have the same claim. It folds case in the same way as the keys of claims, because another
// way may treat two different keys as equal.
func sameClaim(a, b string) bool {
	keyA, keyB := strings.ToLower(a), strings.ToLower(b)
	return keyA == keyB
}

// moveClaims claims the new names and releases the old ones. It returns the versions of the claims of the old and the new
// username, which are 0 if the username has not changed.
func moveClaims(ctx context.Context, tx *events.Tx, now *ent.User, in SettingsChange) (oldName, newName int64, err error) {
	var bad errs.List
	move := func(c claims, field, old string, wish *string) (before, after int64, err error) {
		if wish == nil {
			return 0, 0, nil
		}
		if sameClaim(old, *wish) {
			return 0, 0, nil
		}
		if after, err = claim(ctx, tx, c, *wish, now.ID); err != nil {
			return 0, 0, err
		}
		if after == 0 {
			bad = append(bad, errs.New(errs.Taken, "somebody else has this "+field, field))
			return 0, 0, nil
		}
		before, err = release(ctx, tx, c, old, now.ID)
		return before, after, err
	}
	if oldName, newName, err = move(usernames, "username", now.Username, in.Username); err != nil {
		return 0, 0, err
	}
	if _, _, err = move(emails, "email", now.Email, in.Email); err != nil {
		return 0, 0, err
	}
	return oldName, newName, bad.OrNil()
}

// ChangePassword sets a new password and ends all the user's sessions but the one in use. A wrong
// current password is refused with INVALID_CREDENTIALS, attempts beyond Limits with RATE_LIMITED.
func (a *Accounts) ChangePassword(ctx context.Context, userID, keep int64, from netip.Prefix, current, wish string) error {
	wish, e := checkPassword(wish, "newPassword")
	if e != nil {
		return e
	}
	who, err := a.byID(ctx, userID)
	if err != nil {
		return err
	}
	hash := ""
	shown, err := a.prove(ctx, who, from, current, func(p *permit) { hash = p.hash(wish) })
	if err != nil {
		return err
	}
	return a.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		now, err := lockUser(ctx, tx, userID)
		if err != nil {
			return err
		}
		if err := shown.holds(now); err != nil {
			return err
		}
		if err := tx.User.Update().Where(user.ID(userID)).SetPasswordHash(hash).AddVersion(1).Exec(ctx); err != nil {
			return fmt.Errorf("change the password: %w", err)
		}
		tx.Emit(events.PasswordChanged{UserID: userID, Version: now.Version + 1})
		tx.AlreadyDone() // the answer covers sessions that another request has just ended
		if _, err = a.endSessions(ctx, tx, userID, PasswordChanged, "AND id <> $5", keep); err != nil {
			return err
		}
		return a.accept(ctx, tx, shown)
	})
}
