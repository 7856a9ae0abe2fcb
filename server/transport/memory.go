package transport

import (
	"context"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// The usual size of MemoryQueries: entries, and bytes of their text.
const (
	DefaultMemoryEntries = 2_000
	DefaultMemoryBytes   = 8 << 20
)

// MemoryQueries keeps persisted queries in the process, those used last, within a number of entries and a
// number of bytes: at either bound the one unused for longest goes.
type MemoryQueries struct {
	mu       sync.Mutex
	entries  *simplelru.LRU[string, string]
	bytes    int
	maxBytes int
}

var _ PersistedQueries = (*MemoryQueries)(nil)

// NewMemoryQueries returns a store of at most that many entries and bytes of text; both must be positive.
func NewMemoryQueries(maxEntries, maxBytes int) (*MemoryQueries, error) {
	m := &MemoryQueries{maxBytes: maxBytes}
	entries, err := simplelru.NewLRU(maxEntries, func(hash, query string) { m.bytes -= len(hash) + len(query) })
	m.entries = entries
	return m, err
}

// Get returns the document of a hash.
func (m *MemoryQueries) Get(_ context.Context, hash string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.entries.Get(hash)
}

// Put keeps a document, unless it alone is longer than the whole store.
func (m *MemoryQueries) Put(_ context.Context, hash, query string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	size := len(hash) + len(query)
	if size > m.maxBytes || m.entries.Contains(hash) {
		return
	}
	m.bytes += size
	m.entries.Add(hash, query)
	for m.bytes > m.maxBytes {
		m.entries.RemoveOldest()
	}
}
