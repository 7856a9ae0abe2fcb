package cache

// The prefixes of all of Roost's keys in Redis are here. Old and new nodes share a Redis during an upgrade and must never take each
// other's values for their own.

// keyPrefix begins all keys and channels, in every version. It stays as it is, because operators grant Roost's user the keys
// that begin with it (docs/redis.md).
const keyPrefix = "v1:"

// EntryPrefix begins the keys of the cache-aside tier, and no others. Clear removes all keys that begin with it. Nodes of two releases
// invalidate each other's entries, because the keys are the same. So a new form of a row keeps its key, and is one that the release
// before takes for damaged and reads from SQL, and the other way round; TestFormsOfTwoReleases of package rows shows that.
const EntryPrefix = keyPrefix + "e:"

// persistedQueryKey returns the key of a document. hash is the SHA-256 of its text, in hex.
func persistedQueryKey(hash string) string { return keyPrefix + "query:" + hash }

// budgetKey returns the key of a caller's debt.
func budgetKey(name string) string { return keyPrefix + "budget:" + name }

// listPrefix begins the keys of Lists.
const listPrefix = keyPrefix + "list:"
