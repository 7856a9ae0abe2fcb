package cache

// The prefixes of all of Roost's keys in Redis are here. Each begins with a version, which must be raised when the stored form of a value
// changes, so that old and new nodes never read each other's values.

// EntryPrefix begins the keys of the cache-aside tier, and no others. Clear removes all keys that begin with it. TestForms of package rows
// fails if a stored form changes and this version does not.
const EntryPrefix = "v1:e:"

// persistedQueryKey returns the key of a document. hash is the SHA-256 of its text, in hex.
func persistedQueryKey(hash string) string { return "v1:query:" + hash }
