package cache

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The ID of a key is that of its kind and numbers, and different keys have different IDs, or none.
func TestIDs(t *testing.T) {
	t.Parallel()
	one, two := NewIDKind(EntryPrefix+"tc:", 1), NewIDKind(EntryPrefix+"tc:", 2)
	for key, want := range map[string]ID{
		EntryPrefix + "tc:7":                   one.One(7),
		EntryPrefix + "tc:0":                   one.One(0),
		EntryPrefix + "tc:9223372036854775807": one.One(math.MaxInt64),
		EntryPrefix + "tc:7:8":                 two.Two(7, 8),
		EntryPrefix + "tc:7:0":                 two.Two(7, 0),
		EntryPrefix + "letters:7":              NewIDKind(EntryPrefix+"letters:", 1).One(7),
	} {
		if got, ok := idOf(key); !ok || got != want {
			t.Errorf("%s has the ID %v, %v; want %v", key, got, ok, want)
		}
	}
	for _, key := range []string{"", "tc:7", EntryPrefix, EntryPrefix + "tc:", EntryPrefix + "tc", EntryPrefix + ":7", EntryPrefix + "tc:07",
		EntryPrefix + "tc:-7", EntryPrefix + "tc:+7", EntryPrefix + "tc:7:", EntryPrefix + "tc:7:8:9", EntryPrefix + "tc:7 ",
		EntryPrefix + "tc:7:x",
		EntryPrefix + "tc:9223372036854775808", EntryPrefix + "tc:7x", EntryPrefix + "eightlet:7", EntryPrefix + "tc:00"} {
		if id, ok := idOf(key); ok {
			t.Errorf("%q has the ID %v", key, id)
		}
	}
}

func TestIDsAreOfOneKey(t *testing.T) {
	t.Parallel()
	seen := map[ID]string{}
	rapid.Check(t, func(r *rapid.T) {
		key := EntryPrefix + rapid.StringMatching(`[a-c]{0,8}:?[0-9]{0,3}(:[0-9]{0,3})?`).Draw(r, "key")
		id, ok := idOf(key)
		if !ok {
			return
		}
		if other, known := seen[id]; known && other != key {
			r.Errorf("%q and %q have the same ID", key, other)
		}
		seen[id] = key
		letters, numbers, _ := strings.Cut(strings.TrimPrefix(key, EntryPrefix), ":")
		first, second, pair := strings.Cut(numbers, ":")
		a, _ := strconv.ParseInt(first, 10, 64)
		want := NewIDKind(EntryPrefix+letters+":", 1).One(a)
		if pair {
			b, _ := strconv.ParseInt(second, 10, 64)
			want = NewIDKind(EntryPrefix+letters+":", 2).Two(a, b)
		}
		if id != want {
			r.Errorf("%q has the ID %v, want %v", key, id, want)
		}
	})
}

// Keys with neighbouring numbers are spread over all shards.
func TestIDsAreSpread(t *testing.T) {
	t.Parallel()
	c, kind := newCopies(1<<20), NewIDKind(EntryPrefix+"t:", 1)
	for _, step := range []int64{1, 64, 1 << 22} { // ids of tweets begin with a time
		shards := map[*copyShard]int{}
		for i := range int64(6400) {
			shards[c.placeOfID(kind.One(i*step)).shard]++
		}
		for _, n := range shards {
			if n > 200 || len(shards) < copyShards {
				t.Fatalf("with steps of %d, a shard of %d has %d of 6400 keys", step, len(shards), n)
			}
		}
	}
}

// What was decoded of an entry leaves with it, and counts in the bound.
func TestDecodedCopies(t *testing.T) {
	t.Parallel()
	const shard = 10_000
	c := newCopies(copyShards * shard)
	g, key := c.generation(), EntryPrefix+"t:1"
	bytes := func() int64 {
		_, bytes, _ := c.size()
		return bytes
	}
	c.put(key, Value{Version: 1, Data: "one"}, g, 1)
	first := c.get(key, g, 0)
	if first.Decoded() != nil {
		t.Error("nobody has decoded it")
	}
	before := bytes()
	first.Keep("1", 50)
	first.Keep("other", 50)
	if got := c.get(key, g, 0).Decoded(); got != "1" || bytes() != before+50 {
		t.Errorf("it was decoded to %v, and takes %d bytes more", got, bytes()-before)
	}
	c.drop(key)
	if got := bytes(); got != 0 {
		t.Errorf("%d bytes are left", got)
	}

	// A reader of the old entry decodes it when there is a new one already.
	c.put(key, Value{Version: 1, Data: "one"}, g, 1)
	old := c.get(key, g, 0)
	c.drop(key)
	c.put(key, Value{Version: 2, Data: "two"}, g, 1)
	before = bytes()
	old.Keep("1", 50)
	if now := c.get(key, g, 0); now.Value().Version != 2 || now.Decoded() != nil || bytes() != before {
		t.Errorf("version %d was decoded to %v, and takes %d bytes more", now.Value().Version, now.Decoded(), bytes()-before)
	}

	for i := range 100 {
		key := EntryPrefix + fmt.Sprint("t:", i)
		c.put(key, Value{Version: 1, Data: "one"}, g, 1)
		c.get(key, g, 0).Keep(i, shard/2)
	}
	for i := range c.shards {
		if h := &c.shards[i]; h.bytes > shard {
			t.Errorf("a shard has %d bytes of %d", h.bytes, shard)
		}
	}
}

// Of two keys whose IDs have the same hash, one has a copy at a time, and neither is taken for the other.
func TestIDsWithOneHash(t *testing.T) {
	t.Parallel()
	c, kind := newCopies(1<<20), NewIDKind(EntryPrefix+"t:", 1)
	first, second := c.placeOfID(kind.One(1)), c.placeOfID(kind.One(2))
	second.shard, second.hash = first.shard, first.hash
	g := c.generation()
	first.put(Value{Version: 1}, g, 1)
	if second.get(g, 0) != nil {
		t.Error("a key has the copy of another")
	}
	second.put(Value{Version: 2}, g, 1)
	if second.get(g, 0).Value().Version != 2 || first.get(g, 0) != nil {
		t.Error("the copy of the key that was stored before is still used")
	}
	if entries, bytes, _ := c.size(); entries != 1 || bytes != copyOverhead {
		t.Errorf("%d copies take %d bytes", entries, bytes)
	}
}
