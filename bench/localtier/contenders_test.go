package localtier

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"github.com/coocood/freecache"
	"github.com/elastic/go-freelru"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/maypok86/otter/v2"

	"roost/cache/local"
)

// typicalText is the mean length of a text of the data set, in bytes.
const typicalText = 115

// store is what a library has to do.
type store interface {
	get(id int64) (Tweet, bool)
	put(id int64, t Tweet)
}

// contenders make stores of about n entries.
var contenders = []struct {
	name string
	make func(n int) (store, error)
}{
	{"lru", func(n int) (store, error) {
		c, err := lru.New[int64, Tweet](n)
		return adder[*lru.Cache[int64, Tweet]]{c}, err
	}},
	{"2q", func(n int) (store, error) {
		c, err := lru.New2Q[int64, Tweet](n)
		return twoQueues{c}, err
	}},
	{"freelru", func(n int) (store, error) {
		c, err := freelru.NewSharded[int64, Tweet](uint32(n), func(id int64) uint32 {
			return uint32(uint64(id) * 0x9e3779b97f4a7c15 >> 32)
		})
		return adder[*freelru.ShardedLRU[int64, Tweet]]{c}, err
	}},
	{"otter", func(n int) (store, error) {
		c, err := otter.New(&otter.Options[int64, Tweet]{MaximumSize: n, Executor: func(fn func()) { fn() }})
		return tinyLFU{c}, err
	}},
	{"roost", func(n int) (store, error) {
		// A slot is 48 bytes of key and value and 40 of the library's.
		c, err := local.New[int64](local.Config[Tweet]{Entity: "tweet", MaxBytes: int64(n) * (8 + 40 + 40 + typicalText), Typical: typicalText,
			Cost: func(t Tweet) int { return len(t.Text) }})
		return kept{c}, err
	}},
	{"freecache", func(n int) (store, error) { return bytesOnly{freecache.NewCache(n * freecacheEntry)}, nil }},
}

// newStore makes a contender's store or ends the test.
func newStore(t testing.TB, fn func(int) (store, error), n int) store {
	t.Helper()
	s, err := fn(n)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// adder are the libraries that agree on names.
type adder[C interface {
	Get(id int64) (Tweet, bool)
	Add(id int64, t Tweet) bool
}] struct{ c C }

func (s adder[C]) get(id int64) (Tweet, bool) { return s.c.Get(id) }
func (s adder[C]) put(id int64, t Tweet)      { s.c.Add(id, t) }

type twoQueues struct {
	c *lru.TwoQueueCache[int64, Tweet]
}

func (s twoQueues) get(id int64) (Tweet, bool) { return s.c.Get(id) }
func (s twoQueues) put(id int64, t Tweet)      { s.c.Add(id, t) }

type kept struct {
	c *local.Store[int64, Tweet]
}

func (s kept) get(id int64) (Tweet, bool) { return s.c.Get(id) }
func (s kept) put(id int64, t Tweet)      { s.c.Put(id, t) }

type tinyLFU struct {
	c *otter.Cache[int64, Tweet]
}

func (s tinyLFU) get(id int64) (Tweet, bool) { return s.c.GetIfPresent(id) }
func (s tinyLFU) put(id int64, t Tweet)      { s.c.Set(id, t) }

// bytesOnly keeps values as bytes, out of the collector's sight: they are made and read each time.
type bytesOnly struct{ c *freecache.Cache }

// tweetHead is the length of a value before its text; freecacheEntry is what an entry of the data set takes on
// average, with key and header.
const tweetHead, freecacheEntry = 24, 24 + 8 + tweetHead + typicalText

func (s bytesOnly) get(id int64) (Tweet, bool) {
	raw, err := s.c.GetInt(id)
	if err != nil {
		return Tweet{}, false
	}
	// The bytes are a copy of the library's that nobody else holds.
	text := raw[tweetHead:]
	return Tweet{
		Author: int64(binary.LittleEndian.Uint64(raw)), CreatedAt: int64(binary.LittleEndian.Uint64(raw[8:])),
		Version: int64(binary.LittleEndian.Uint64(raw[16:])), Text: unsafe.String(unsafe.SliceData(text), len(text)),
	}, true
}

func (s bytesOnly) put(id int64, t Tweet) {
	raw := make([]byte, tweetHead, tweetHead+len(t.Text))
	binary.LittleEndian.PutUint64(raw, uint64(t.Author))
	binary.LittleEndian.PutUint64(raw[8:], uint64(t.CreatedAt))
	binary.LittleEndian.PutUint64(raw[16:], uint64(t.Version))
	_ = s.c.SetInt(id, append(raw, t.Text...), 0) // fails for values larger than 1/1024 of the cache
}
