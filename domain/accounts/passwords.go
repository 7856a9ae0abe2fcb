package accounts

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"roost/internal/errs"
)

// Hashing is the cost of a password hash, and how much of the machine hashing may take.
type Hashing struct {
	// Memory is in KiB. Time is the number of passes.
	Memory, Time uint32
	// Parallel is how many hashes run at once, at least one.
	Parallel int
	// Share bounds the part of all processors that hashing takes, from 0 to 1; 0 is no bound. To keep the bound, a permit rests
	// after each use.
	Share float64
	// Waiting bounds the attempts that wait for a permit. WaitingPerAddress bounds the waiting attempts of one address; 0 means the
	// same as Waiting. fairQueue describes what happens beyond the bounds.
	Waiting, WaitingPerAddress int
}

// DefaultHashing returns the argon2id parameters that OWASP's password storage cheat sheet recommends (19 MiB, 2 passes, 1
// lane), on fewer processors than the process has, so that other requests keep the rest.
func DefaultHashing() Hashing {
	return Hashing{Memory: 19 * 1024, Time: 2, Parallel: max(1, runtime.GOMAXPROCS(0)/2), Share: 0.4, Waiting: 256, WaitingPerAddress: 32}
}

const (
	saltBytes = 16
	keyBytes  = 32
	// maxRest is how long a permit rests at most.
	maxRest = time.Second
)

// hasher computes argon2id hashes for attempts that have a permit.
type hasher struct {
	cfg      Hashing
	queue    *fairQueue
	refusals *pacer
	dummy    string
	hashes   atomic.Int64
}

func newHasher(cfg Hashing) *hasher {
	cfg.Parallel = max(1, cfg.Parallel)
	h := &hasher{cfg: cfg, refusals: newPacer(),
		queue: newFairQueue(cfg.Parallel, cfg.Waiting, cmp.Or(cfg.WaitingPerAddress, cfg.Waiting))}
	// Passwords for unknown users are compared with this hash, so that the check takes as long as for known users.
	h.dummy = h.encode(make([]byte, saltBytes), make([]byte, keyBytes))
	return h
}

// permit is the right to compute hashes, one after the other.
type permit struct {
	*hasher
	used time.Duration
}

// attempt runs fn with a permit. fn does all the work of an attempt that precedes its transaction, so that a flood of
// attempts uses no more connections to the database than there are permits. RATE_LIMITED is delayed by the pacer.
func (h *hasher) attempt(ctx context.Context, from origin, fn func(p *permit) error) error {
	err := h.withPermit(ctx, from, fn)
	if errs.Is(err, errs.RateLimited) {
		h.refusals.wait(ctx, from.address)
	}
	return err
}

func (h *hasher) withPermit(ctx context.Context, from origin, fn func(p *permit) error) error {
	release, err := h.queue.acquire(ctx, from)
	if err != nil {
		return err
	}
	p := &permit{hasher: h}
	defer func() {
		if rest := h.rest(p.used); rest > 0 {
			time.AfterFunc(rest, release)
		} else {
			release()
		}
	}()
	return fn(p)
}

// rest returns how long a permit must stay unused after it was used for a time, to keep hashing within its share.
func (h *hasher) rest(used time.Duration) time.Duration {
	busy := h.cfg.Share * float64(runtime.GOMAXPROCS(0)) / float64(h.cfg.Parallel) // of a permit's time
	if busy == 0 || busy >= 1 {
		return 0
	}
	return time.Duration(min(float64(used)*(1/busy-1), float64(maxRest)))
}

func (p *permit) key(password, salt []byte, passes, memory uint32, lanes uint8, length int) []byte {
	began := time.Now()
	defer func() { p.used += time.Since(began) }()
	p.hashes.Add(1)
	return argon2.IDKey(password, salt, passes, memory, lanes, uint32(length))
}

// hash returns the stored form of a password, in the PHC string format.
func (p *permit) hash(password string) string {
	salt := make([]byte, saltBytes)
	// rand.Read never fails; it ends the process when the system has no randomness.
	_, _ = rand.Read(salt)
	return p.encode(salt, p.key([]byte(password), salt, p.cfg.Time, p.cfg.Memory, 1, keyBytes))
}

func (h *hasher) encode(salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, h.cfg.Memory, h.cfg.Time, b64(salt), b64(key))
}

var errUnknownForm = errors.New("a stored password has an unknown form")

// verify reports whether one of the forms of a password fits the stored hash. stored is nil for an unknown user or an account
// without a password; the check then takes as long as for a wrong password.
func (p *permit) verify(stored *string, forms []string) (bool, error) {
	phc := p.dummy
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
	for _, form := range forms {
		got := p.key([]byte(form), salt, passes, memory, lanes, len(want))
		if subtle.ConstantTimeCompare(got, want) == 1 && stored != nil {
			return true, nil
		}
	}
	return false, nil
}

// HashPassword returns the stored form of a new password, for imports.
func (a *Accounts) HashPassword(ctx context.Context, password string) (hash string, err error) {
	normal, e := checkPassword(password, "password")
	if e != nil {
		return "", e
	}
	err = a.hasher.attempt(ctx, origin{}, func(p *permit) error {
		hash = p.hash(normal)
		return nil
	})
	return hash, err
}
