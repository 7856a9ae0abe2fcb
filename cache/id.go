package cache

import (
	"math"
	"strings"
)

// ID is a key in a compact form, for keys that consist of EntryPrefix, letters, and one or two numbers in decimal after colons, such as
// those of most rows. Looking up an ID neither makes nor hashes a string. The zero ID is no key.
type ID struct {
	kind uint64 // the letters, and in the highest byte how many numbers follow
	a, b int64
}

// IDKind is what the IDs of one kind of keys have in common.
type IDKind uint64

// maxLetters is how many letters an ID can hold.
const maxLetters = 7

// NewIDKind returns the kind of the keys that begin with a prefix, which ends with a colon, and continue with so many numbers: 1 or 2. It
// panics on a prefix that IDs cannot hold, because prefixes are constants of the code.
func NewIDKind(prefix string, numbers int) IDKind {
	letters, ok := strings.CutPrefix(prefix, EntryPrefix)
	kind, rest, packed := packLetters(letters)
	if !ok || !packed || rest != "" || numbers < 1 || numbers > 2 {
		panic("cache: keys that begin with " + prefix + " have no IDs")
	}
	return IDKind(kind | uint64(numbers)<<(8*maxLetters))
}

// One returns the ID of a key with one number, Two of one with two. The numbers must not be negative.
func (k IDKind) One(a int64) ID { return ID{kind: uint64(k), a: a} }

// Two is like One.
func (k IDKind) Two(a, b int64) ID { return ID{uint64(k), a, b} }

// packLetters reads letters up to a colon.
func packLetters(s string) (kind uint64, rest string, ok bool) {
	for i := range min(len(s), maxLetters+1) {
		if s[i] == ':' {
			return kind, s[i+1:], i > 0
		}
		if i < maxLetters {
			kind |= uint64(s[i]) << (8 * i)
		}
	}
	return 0, s, false
}

// idOf returns the ID of a key; ok is false if the key has none. Different keys never have the same ID.
func idOf(key string) (id ID, ok bool) {
	rest, ok := strings.CutPrefix(key, EntryPrefix)
	if !ok {
		return ID{}, false
	}
	if id.kind, rest, ok = packLetters(rest); !ok {
		return ID{}, false
	}
	numbers := uint64(1)
	if id.a, rest, ok = canonical(rest); ok && rest != "" {
		numbers = 2
		if rest[0] != ':' {
			return ID{}, false
		}
		id.b, rest, ok = canonical(rest[1:])
	}
	if !ok || rest != "" {
		return ID{}, false
	}
	id.kind |= numbers << (8 * maxLetters)
	return id, true
}

// canonical reads a number in the one form that decimal numbers are written in.
func canonical(s string) (n int64, rest string, ok bool) {
	i := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		digit := int64(s[i] - '0')
		if n > (math.MaxInt64-digit)/10 {
			return 0, s, false
		}
		n = n*10 + digit
	}
	if i == 0 || i > 1 && s[0] == '0' {
		return 0, s, false
	}
	return n, s[i:], true
}

// hash mixes the bits of an ID with a seed.
func (id ID) hash(seed uint64) uint64 {
	const odd1, odd2 = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
	x := (uint64(id.a) ^ seed) * odd1
	x ^= x >> 29
	x = (x ^ uint64(id.b) ^ id.kind) * odd2
	return x ^ x>>32
}
