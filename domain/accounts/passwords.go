package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"roost/internal/errs"
)

// Hashing is the price of a password hash and how many may be computed at once.
type Hashing struct {
	// Memory is in KiB, Time in passes.
	Memory, Time uint32
	// Parallel is how many hashes run at once; Waiting how many more may wait. Beyond that the caller
	// gets UNAVAILABLE at once.
	Parallel, Waiting int
}

// DefaultHashing are the argon2id parameters that OWASP's password storage cheat sheet recommends
// (19 MiB, 2 passes, 1 lane), one hash a core at a time.
func DefaultHashing() Hashing {
	return Hashing{Memory: 19 * 1024, Time: 2, Parallel: runtime.NumCPU(), Waiting: 256}
}

const (
	saltBytes = 16
	keyBytes  = 32
)

// hasher computes argon2id hashes behind a semaphore with a bounded queue.
type hasher struct {
	cfg   Hashing
	slots chan struct{}
	queue chan struct{}
	dummy string
}

func newHasher(cfg Hashing) *hasher {
	h := &hasher{cfg: cfg, slots: make(chan struct{}, cfg.Parallel), queue: make(chan struct{}, cfg.Parallel+cfg.Waiting)}
	// Unknown users are checked against this one, so that they take as long as known ones.
	h.dummy = h.encode(make([]byte, saltBytes), make([]byte, keyBytes))
	return h
}

func (h *hasher) run(ctx context.Context, fn func()) error {
	select {
	case h.queue <- struct{}{}:
		defer func() { <-h.queue }()
	default:
		return errs.Busy("sign-in", time.Second)
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	fn()
	return nil
}

// hash makes the stored form of a password, in the PHC string format.
func (h *hasher) hash(ctx context.Context, password string) (out string, err error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	err = h.run(ctx, func() {
		out = h.encode(salt, argon2.IDKey([]byte(password), salt, h.cfg.Time, h.cfg.Memory, 1, keyBytes))
	})
	return out, err
}

func (h *hasher) encode(salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, h.cfg.Memory, h.cfg.Time, b64(salt), b64(key))
}

var errUnknownForm = errors.New("a stored password has an unknown form")

// verify reports whether one of the forms of a password fits the stored hash. A nil hash, that of an unknown user or an
// account without password, costs as much as one that does not fit.
func (h *hasher) verify(ctx context.Context, stored *string, forms []string) (ok bool, err error) {
	phc := h.dummy
	if stored != nil {
		phc = *stored
	}
	var version int
	var memory, passes uint32
	var lanes uint8
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errUnknownForm
	}
	_, errV := fmt.Sscanf(parts[2], "v=%d", &version)
	_, errP := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes)
	salt, errS := base64.RawStdEncoding.DecodeString(parts[4])
	want, errK := base64.RawStdEncoding.DecodeString(parts[5])
	if errV != nil || errP != nil || errS != nil || errK != nil || version != argon2.Version {
		return false, errUnknownForm
	}
	err = h.run(ctx, func() {
		for _, form := range forms {
			got := argon2.IDKey([]byte(form), salt, passes, memory, lanes, uint32(len(want)))
			if ok = subtle.ConstantTimeCompare(got, want) == 1 && stored != nil; ok {
				return
			}
		}
	})
	return ok, err
}

// HashPassword makes the stored form of a password, for imports.
func (a *Accounts) HashPassword(ctx context.Context, password string) (string, error) {
	normal, e := checkPassword(password, "password")
	if e != nil {
		return "", e
	}
	return a.hasher.hash(ctx, normal)
}
