package cache

// Every key of Roost's in Redis is made here. The version at the front rises when a value's form
// changes, so that old and new nodes never read each other's.

// EntryPrefix begins the keys of the cache-aside tier, and no others: Clear removes what begins with it.
const EntryPrefix = "v1:e:"

// persistedQueryKey is the key of a document under the SHA-256 of its text, in hex.
func persistedQueryKey(hash string) string { return "v1:query:" + hash }
