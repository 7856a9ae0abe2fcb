package cache

// The prefixes of all of Roost's keys in Redis are here. Old and new nodes share a Redis during an upgrade and must never read
// each other's values, so a prefix contains a version, which must be raised when the stored form of a value changes.

// keyPrefix begins all keys and channels, in every version. It stays as it is, because operators grant Roost's user the keys
// that begin with it (docs/redis.md).
const keyPrefix = "v1:"

// EntryPrefix begins the keys of the cache-aside tier, and no others. Clear removes all keys that begin with it. Its last part
// is the version of the stored forms: "e" is the first; "e2", "e3" and so on follow. TestForms of package rows fails if a form
// changes and the version does not.
const EntryPrefix = keyPrefix + "e:"

// persistedQueryKey returns the key of a document. hash is the SHA-256 of its text, in hex.
func persistedQueryKey(hash string) string { return keyPrefix + "query:" + hash }

// budgetKey returns the key of a caller's debt.
func budgetKey(name string) string { return keyPrefix + "budget:" + name }
