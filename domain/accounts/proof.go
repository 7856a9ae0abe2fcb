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

// proof says that somebody who is signed in has typed the password of an account, as it was then.
type proof struct {
	hash string
	try  try
}

var errProof = errs.New(errs.InvalidCredentials, "the password is wrong", "input", "currentPassword")

// prove checks the password of an account in a session. fn, if there is one, runs in the same turn after it.
func (a *Accounts) prove(ctx context.Context, who *ent.User, from netip.Prefix, password string, fn func(t *turn)) (*proof, error) {
	this := a.limiter.proof(from.String(), strings.ToLower(who.Username), who.ID)
	err := a.hasher.try(ctx, origin{from.String(), "session " + strconv.FormatInt(who.ID, 10)}, func(t *turn) error {
		if err := a.limiter.admit(ctx, this); err != nil {
			return err
		}
		if err := t.proves(who, password, errProof); err != nil {
			return err
		}
		if fn != nil {
			fn(t)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &proof{*who.PasswordHash, this}, nil
}

// proveForEmail checks the password for a change of the email address; nil if the account has it already.
func (a *Accounts) proveForEmail(ctx context.Context, userID int64, in SettingsChange) (*proof, error) {
	who, err := a.byID(ctx, userID)
	if err != nil || who.Email == *in.Email {
		return nil, err
	}
	if in.CurrentPassword == nil || *in.CurrentPassword == "" {
		return nil, errs.New(errs.Required, "changing the email address needs the current password", "input", "currentPassword")
	}
	return a.prove(ctx, who, in.Address, *in.CurrentPassword, nil)
}

// holds fails if the password of the account has been changed since, or nothing was proved.
func (p *proof) holds(now *ent.User) error {
	if p == nil || now.PasswordHash == nil || *now.PasswordHash != p.hash {
		return errProof
	}
	return nil
}

// accept counts a proof as no try any more; nil is nothing.
func (a *Accounts) accept(ctx context.Context, tx *events.Tx, p *proof) error {
	if p == nil {
		return nil
	}
	return a.limiter.succeeded(ctx, tx, p.try)
}

func (a *Accounts) byID(ctx context.Context, userID int64) (*ent.User, error) {
	who, err := a.client.User.Query().Where(user.ID(userID)).Only(ctx)
	if err != nil {
		return nil, events.Unavailable(fmt.Errorf("read the user: %w", err))
	}
	return who, nil
}
