package accounts

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"roost/ent"
	"roost/ent/user"
	"roost/events"
	"roost/internal/errs"
)

// proof says that a signed-in user has typed the right password. hash is the stored form of that password.
type proof struct {
	hash    string
	attempt attempt
}

var errProof = errs.New(errs.InvalidCredentials, "the password is wrong", "currentPassword")

// prove checks the password of a signed-in user. then, if not nil, runs after it with the same permit.
func (a *Accounts) prove(ctx context.Context, who *ent.User, from netip.Prefix, password string, then func(p *permit)) (*proof, error) {
	this := a.limiter.limits.proof(from.String(), strings.ToLower(who.Username), who.ID)
	err := a.hasher.attempt(ctx, origin{from.String(), "user " + strconv.FormatInt(who.ID, 10)}, func(p *permit) error {
		if err := a.limiter.admit(ctx, this); err != nil {
			return err
		}
		if err := p.check(who, password, errProof); err != nil {
			return err
		}
		if then != nil {
			then(p)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &proof{*who.PasswordHash, this}, nil
}

// proveForEmail checks the password for a change of the email address. It returns nil if the address is the current one.
func (a *Accounts) proveForEmail(ctx context.Context, userID int64, in SettingsChange) (*proof, error) {
	who, err := a.byID(ctx, userID)
	if err != nil || who.Email == *in.Email {
		return nil, err
	}
	if in.CurrentPassword == nil || *in.CurrentPassword == "" {
		return nil, errs.New(errs.Required, "changing the email address needs the current password", "currentPassword")
	}
	return a.prove(ctx, who, in.Address, *in.CurrentPassword, nil)
}

// holds returns an error if the password has changed since the proof, or nothing was proved.
func (p *proof) holds(now *ent.User) error {
	if p == nil || now.PasswordHash == nil || *now.PasswordHash != p.hash {
		return errProof
	}
	return nil
}

// accept records in the transaction that the attempt behind a proof succeeded; p may be nil.
func (a *Accounts) accept(ctx context.Context, tx *events.Tx, p *proof) error {
	if p == nil {
		return nil
	}
	return a.limiter.succeeded(ctx, tx, p.attempt)
}

func (a *Accounts) byID(ctx context.Context, userID int64) (*ent.User, error) {
	who, err := a.client.User.Query().Where(user.ID(userID)).Only(ctx)
	if err != nil {
		return nil, events.Unavailable(fmt.Errorf("read the user: %w", err))
	}
	return who, nil
}
