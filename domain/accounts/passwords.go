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

// Hashing is the price of a password hash and how many may be computed at once.
type Hashing struct {
	// Memory is in KiB, Time in passes.
	Memory, Time uint32
	// Parallel is how many hashes run at once, at least one.
	Parallel int
	// Share is the part of all processors that hashing takes at most: turns rest for as long as that needs. 0 is no bound.
	Share float64
	// Waiting is how many more tries may wait for their turn, WaitingEach how many of them may come from one address,
	// 0 as many as Waiting. See turns for what happens there.
	Waiting, WaitingEach int
}

// DefaultHashing are the argon2id parameters that OWASP's password storage cheat sheet recommends (19 MiB, 2 passes, 1
// lane), on fewer processors than there are: the others are for the other requests.
func DefaultHashing() Hashing {
	return Hashing{Memory: 19 * 1024, Time: 2, Parallel: max(1, runtime.GOMAXPROCS(0)/2), Share: 0.4, Waiting: 256, WaitingEach: 32}
}

const (
	saltBytes = 16
	keyBytes  = 32
	// maxRest is how long a turn rests at most.
	maxRest = time.Second
)

// hasher computes argon2id hashes, in turns.
type hasher struct {
	cfg    Hashing
	turns  *turns
	pace   *pace
	dummy  string
	hashes atomic.Int64
}

func newHasher(cfg Hashing) *hasher {
	cfg.Parallel = max(1, cfg.Parallel)
	h := &hasher{cfg: cfg, turns: newTurns(cfg.Parallel, cfg.Waiting, cmp.Or(cfg.WaitingEach, cfg.Waiting)), pace: newPace()}
	// Unknown users are checked against this one, so that they take as long as known ones.
	h.dummy = h.encode(make([]byte, saltBytes), make([]byte, keyBytes))
	return h
}

// turn is the right to hash passwords, one after the other.
type turn struct {
	*hasher
	hashed time.Duration
}

// try runs fn when the turn of its origin has come. The turn is for all that a try does before its transaction, so a
// flood of them asks no more of the database at once than there are turns. RATE_LIMITED comes at the pace of refusals.
func (h *hasher) try(ctx context.Context, who origin, fn func(t *turn) error) error {
	err := h.inTurn(ctx, who, fn)
	if errs.Is(err, errs.RateLimited) {
		h.pace.wait(ctx, who.address)
	}
	return err
}

func (h *hasher) inTurn(ctx context.Context, who origin, fn func(t *turn) error) error {
	leave, err := h.turns.take(ctx, who)
	if err != nil {
		return err
	}
	t := &turn{hasher: h}
	defer func() {
		if rest := h.rest(t.hashed); rest > 0 {
			time.AfterFunc(rest, leave)
		} else {
			leave()
		}
	}()
	return fn(t)
}

// rest is how long nobody has the turn of one who has hashed for so long, for hashing to take no more than its share.
func (h *hasher) rest(hashed time.Duration) time.Duration {
	busy := h.cfg.Share * float64(runtime.GOMAXPROCS(0)) / float64(h.cfg.Parallel) // of the time of a turn
	if busy == 0 || busy >= 1 {
		return 0
	}
	return time.Duration(min(float64(hashed)*(1/busy-1), float64(maxRest)))
}

func (t *turn) key(password, salt []byte, passes, memory uint32, lanes uint8, length int) []byte {
	began := time.Now()
	defer func() { t.hashed += time.Since(began) }()
	t.hashes.Add(1)
	return argon2.IDKey(password, salt, passes, memory, lanes, uint32(length))
}

// hash makes the stored form of a password, in the PHC string format.
func (t *turn) hash(password string) string {
	salt := make([]byte, saltBytes)
	// It never fails; Go ends the process when the system has no randomness.
	_, _ = rand.Read(salt)
	return t.encode(salt, t.key([]byte(password), salt, t.cfg.Time, t.cfg.Memory, 1, keyBytes))
}

func (h *hasher) encode(salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, h.cfg.Memory, h.cfg.Time, b64(salt), b64(key))
}

var errUnknownForm = errors.New("a stored password has an unknown form")

// verify reports whether one of the forms of a password fits the stored hash. A nil hash, that of an unknown user or an
// account without password, costs as much as one that does not fit.
func (t *turn) verify(stored *string, forms []string) (bool, error) {
	phc := t.dummy
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
		got := t.key([]byte(form), salt, passes, memory, lanes, len(want))
		if subtle.ConstantTimeCompare(got, want) == 1 && stored != nil {
			return true, nil
		}
	}
	return false, nil
}

// HashPassword makes the stored form of a password, for imports.
func (a *Accounts) HashPassword(ctx context.Context, password string) (hash string, err error) {
	normal, e := checkPassword(password, "password")
	if e != nil {
		return "", e
	}
	err = a.hasher.try(ctx, origin{}, func(t *turn) error {
		hash = t.hash(normal)
		return nil
	})
	return hash, err
}
