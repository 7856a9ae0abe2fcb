package rows

import (
	"testing"

	"roost/cache"
)

// What a process keeps of rows beside the copies is a small part of the one bound for both.
func TestWhatIsKeptBesideCopiesIsReserved(t *testing.T) {
	t.Parallel()
	for mib, tweets := range map[int64]int64{4: 512 << 10, 16: 1 << 20, 256: 16 << 20, 1024: 16 << 20, -1: 16 << 20} {
		bound := mib << 20
		redis, err := cache.Open(cache.Config{Copies: bound})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = redis.Close() })
		s := newStore(t, redis, Sources{})
		if got := s.localTweets.store.Stats().Bytes; got > tweets || got < tweets/4 {
			t.Errorf("of %d MiB the slots for tweets take %d bytes, and may take %d", mib, got, tweets)
		}
		others := s.localTweets.store.Stats().Bytes + s.home.kept.Stats().Bytes + s.reacted.bounds.Stats().Bytes +
			s.retweeted.bounds.Stats().Bytes
		if mib > 0 && others > bound/3 {
			t.Errorf("of %d MiB the slots beside copies take %d bytes", mib, others)
		}
	}
}
