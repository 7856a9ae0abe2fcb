package accounts

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// secretBytes is the random part of a session key: 192 bits.
const secretBytes = 24

// keyPrefix marks session keys, so that scanners of leaked secrets can find them.
const keyPrefix = "roost_"

var keyEncoding = base64.RawURLEncoding.Strict()

// newKey returns a new session key and its hash. The key contains the ids of the user and of the session, which locate the row.
func newKey(userID, sessionID int64) (key string, hash []byte) {
	b := binary.BigEndian.AppendUint64(nil, uint64(userID))
	b = binary.BigEndian.AppendUint64(b, uint64(sessionID))
	secret := make([]byte, secretBytes)
	// rand.Read never fails; it ends the process when the system has no randomness.
	_, _ = rand.Read(secret)
	key = keyPrefix + keyEncoding.EncodeToString(append(b, secret...))
	return key, hashKey(key)
}

func hashKey(key string) []byte {
	h := sha256.Sum256([]byte(key))
	return h[:]
}

// readKey returns the ids in a session key; ok is false for a text that cannot be a session key.
func readKey(key string) (userID, sessionID int64, ok bool) {
	rest, found := cutPrefix(key)
	if !found || len(rest) > 64 {
		return 0, 0, false
	}
	b, err := keyEncoding.DecodeString(rest)
	if err != nil || len(b) != 16+secretBytes {
		return 0, 0, false
	}
	userID = int64(binary.BigEndian.Uint64(b))
	sessionID = int64(binary.BigEndian.Uint64(b[8:]))
	return userID, sessionID, userID > 0 && sessionID > 0
}

func cutPrefix(key string) (string, bool) {
	if len(key) < len(keyPrefix) || key[:len(keyPrefix)] != keyPrefix {
		return "", false
	}
	return key[len(keyPrefix):], true
}

// sortByUse orders sessions by last use, the latest first.
func sortByUse(all []*Session) {
	slices.SortStableFunc(all, func(x, y *Session) int {
		return cmp.Or(y.LastUsedAt.Compare(x.LastUsedAt), cmp.Compare(y.ID.ID, x.ID.ID))
	})
}
