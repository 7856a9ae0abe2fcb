package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"roost/events"
	"roost/internal/errs"
	"roost/internal/sqldb"
)

// Device is the device that signs in.
type Device struct {
	// Token identifies the device; signing in again with the same one replaces its session.
	Token *string
	// Name is shown in the list of sessions.
	Name *string
	// UserAgent is the name by which the browser or app identifies itself; it is cut to 256 bytes.
	UserAgent string
	// Address is the IPv4 address or IPv6 network from which the device connects, for Limits.
	Address netip.Prefix
}

func (d Device) check() *errs.Error {
	if d.Token != nil && len(*d.Token) > maxDeviceToken {
		return errs.New(errs.TooLong, "a device token has at most 256 bytes", "device", "token").Within(maxDeviceToken)
	}
	if d.Name != nil {
		if e := checkText(*d.Name, "name", maxDeviceName, false, false); e != nil {
			e.Path = []string{"device", "name"}
			return e
		}
	}
	return nil
}

// SignUp is what a new user has entered. A nil Name means the username.
type SignUp struct {
	Username, Email, Password string
	Name                      *string
	Device                    Device
}

// SignedIn is the outcome of a sign-in. Key is the only copy of the session key.
type SignedIn struct {
	UserID  int64
	Session *Session
	Key     string
}

// SignUp creates an account and signs in. Fields that are not valid are refused, all of them at once; a username or email
// address that somebody has is refused with TAKEN. Attempts beyond Limits get RATE_LIMITED.
func (a *Accounts) SignUp(ctx context.Context, in SignUp) (*SignedIn, error) {
	name := in.Username
	var badName *errs.Error
	if in.Name != nil {
		name = strings.TrimSpace(*in.Name)
		badName = checkName(name)
	}
	password, badPassword := checkPassword(in.Password, "password")
	if err := gather(checkUsername(in.Username), checkEmail(in.Email), badPassword, badName, in.Device.check()); err != nil {
		return nil, err
	}
	address, hash := in.Device.Address.String(), ""
	err := a.hasher.attempt(ctx, origin{address, strings.ToLower(in.Username)}, func(p *permit) error {
		if err := a.limiter.admit(ctx, a.limiter.limits.signUp(address)); err != nil {
			return err
		}
		hash = p.hash(password)
		return nil
	})
	if err != nil {
		return nil, err
	}
	userID, err := a.ids.Next(ctx)
	if err != nil {
		return nil, err
	}
	sessionID, err := a.ids.Next(ctx)
	if err != nil {
		return nil, err
	}
	var out *SignedIn
	err = a.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		nameVersion, err := a.claimBoth(ctx, tx, userID, in.Username, in.Email)
		if err != nil {
			return err
		}
		err = tx.User.Create().SetID(userID).SetUsername(in.Username).SetName(name).SetEmail(in.Email).
			SetPasswordHash(hash).SetCreatedAt(tx.Now).Exec(ctx)
		if err != nil {
			return fmt.Errorf("create the user: %w", err)
		}
		tx.Emit(events.UserSignedUp{UserID: userID, Username: in.Username, NameVersion: nameVersion})
		if out, err = a.startSession(ctx, tx, userID, sessionID, in.Device); err != nil {
			return err
		}
		return a.limiter.signedUp(ctx, tx, address, strings.ToLower(in.Username), strings.ToLower(in.Email))
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// claimBoth claims a username and an email address, always in this order. It returns the version of the username's claim.
func (a *Accounts) claimBoth(ctx context.Context, tx *events.Tx, userID int64, username, email string) (nameVersion int64, err error) {
	nameVersion, err = claim(ctx, tx, usernames, username, userID)
	if err != nil {
		return 0, err
	}
	mailVersion, err := claim(ctx, tx, emails, email, userID)
	if err != nil {
		return 0, err
	}
	var badName, badMail *errs.Error
	if nameVersion == 0 {
		badName = errs.New(errs.Taken, "somebody else has this username", "username")
	}
	if mailVersion == 0 {
		badMail = errs.New(errs.Taken, "somebody else has this email address", "email")
	}
	return nameVersion, gather(badName, badMail)
}

// claims is a table of claims. Its keys are names in lower case.
type claims struct{ table, column string }

var (
	usernames = claims{"username_claims", "name"}
	emails    = claims{"email_claims", "email"}
)

// claim claims a free name and returns the version of the claim; 0 if somebody else has the name.
func claim(ctx context.Context, tx *events.Tx, c claims, name string, userID int64) (version int64, err error) {
	version, err = oneVersion(ctx, tx, "INSERT INTO "+c.table+" ("+c.column+", user_id, version) VALUES ($1, $2, 1) ON CONFLICT ("+
		c.column+") DO UPDATE SET user_id = excluded.user_id, version = "+c.table+".version + 1 WHERE "+c.table+".user_id = 0 RETURNING version",
		strings.ToLower(name), userID)
	if err != nil {
		return 0, fmt.Errorf("claim a name: %w", err)
	}
	return version, nil
}

// release makes a name free. It returns the version of the claim, whose row stays.
func release(ctx context.Context, tx *events.Tx, c claims, name string, userID int64) (version int64, err error) {
	version, err = oneVersion(ctx, tx, "UPDATE "+c.table+" SET user_id = 0, version = version + 1 WHERE "+
		c.column+" = $1 AND user_id = $2 RETURNING version",
		strings.ToLower(name), userID)
	if err != nil {
		return 0, fmt.Errorf("release a name: %w", err)
	}
	return version, nil
}

// oneVersion runs a statement that changes at most one row, and returns the version of that row; 0 if there is none.
func oneVersion(ctx context.Context, tx *events.Tx, query string, args ...any) (version int64, err error) {
	if err = sqldb.ScanOne(ctx, tx.Client(), query, args, &version); errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return version, err
}

// startSession adds a session to a user whose row the transaction has locked or made. The caller makes the session's id before
// the transaction, because the generator of ids may need a connection of its own.
func (a *Accounts) startSession(ctx context.Context, tx *events.Tx, userID, id int64, d Device) (*SignedIn, error) {
	key, hash := newKey(userID, id)
	row := tx.Session.Create().SetID(id).SetUserID(userID).SetKeyHash(hash).SetNillableDeviceName(d.Name).
		SetCreatedAt(tx.Now).SetLastUsedAt(tx.Now).SetExpiresAt(a.expiry(tx.Now, tx.Now))
	if d.Token != nil {
		row.SetDeviceTokenHash(hashKey(*d.Token))
	}
	if agent := cut(d.UserAgent, maxUserAgent); agent != "" && printable(agent, false) {
		row.SetUserAgent(agent)
	}
	made, err := row.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("start a session: %w", err)
	}
	tx.Emit(events.SessionStarted{UserID: userID, SessionID: id})
	return &SignedIn{UserID: userID, Session: sessionOf(made, tx.Now), Key: key}, nil
}
