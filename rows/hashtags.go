package rows

import (
	"context"
	"slices"
	"time"

	"roost/cache"
	"roost/cache/local"
	"roost/domain/tweets"
)

const (
	// hashtagParts and maxHashtagBytes bound the hashtags in the process; see cache.Tier.Reserve. 1 MiB are some 9,000 of them.
	hashtagParts, maxHashtagBytes = 256, 1 << 20
	// typicalName is the length in bytes below which most hashtags stay.
	typicalName = 16
	// hashtagKept is how long the process keeps a hashtag: its most common spelling may change meanwhile.
	hashtagKept = time.Minute
)

// keptHashtag is a hashtag as it was read at a time, Unix time in nanoseconds. It has no name if no visible tweet had it.
type keptHashtag struct {
	tweets.UsedHashtag
	at int64
}

// hashtags keeps hashtags in the process. That a hashtag is used is proved by its newest tweet, which is looked at through the cache.
type hashtags struct {
	kept *local.Store[int64, keptHashtag]
	now  func() time.Time
}

func newHashtags(tier *cache.Tier) (*hashtags, error) {
	kept, err := local.New[int64](local.Config[keptHashtag]{Entity: "hashtag", Typical: typicalName,
		MaxBytes: tier.Reserve(hashtagParts, local.MinBytes, maxHashtagBytes),
		Cost:     func(h keptHashtag) int { return len(h.Name) }})
	return &hashtags{kept, time.Now}, err
}

// get returns the hashtags that the process keeps, also those that no tweet had, and the ids of the others.
func (h *hashtags) get(ids []int64) (found map[int64]tweets.UsedHashtag, missing []int64) {
	found, since := map[int64]tweets.UsedHashtag{}, h.now().Add(-hashtagKept).UnixNano()
	for _, id := range ids {
		kept, ok := h.kept.Get(id)
		switch {
		case ok && kept.at > since:
			found[id] = kept.UsedHashtag
		case id > 0: // there is no other
			missing = append(missing, id)
		}
	}
	return found, missing
}

// Hashtags returns hashtags that visible tweets have. Their names may be up to a minute old. A hashtag that no visible tweet has is left
// out. What the process does not keep is read in one SQL statement, after one round trip of the cache for what it does keep.
func (s *Store) Hashtags(ctx context.Context, ids []int64) (map[int64]tweets.UsedHashtag, error) {
	found, missing := s.hashtags.get(ids)
	var used, newest []int64
	for id, h := range found {
		if h.Name == "" { // it may have got a tweet
			delete(found, id)
			missing = append(missing, id)
			continue
		}
		used, newest = append(used, id), append(newest, h.Newest)
	}
	if len(newest) > 0 {
		rows := s.Tweets.Ask(newest)
		s.Answer(ctx, rows.Request())
		for i, id := range used {
			t, _, err := rows.At(ctx, i)
			if err != nil {
				return nil, err
			}
			if tweets.Visible(t) == nil {
				delete(found, id)
				missing = append(missing, id)
			}
		}
	}
	return found, s.readHashtags(ctx, missing, found)
}

// HashtagNames returns the names of hashtags, which may be up to a minute old. The name of a hashtag that no visible tweet has is empty or
// left out. What the process does not keep is read in one SQL statement.
func (s *Store) HashtagNames(ctx context.Context, ids []int64) (map[int64]string, error) {
	found, missing := s.hashtags.get(ids)
	if err := s.readHashtags(ctx, missing, found); err != nil {
		return nil, err
	}
	names := make(map[int64]string, len(found))
	for id, h := range found {
		names[id] = h.Name
	}
	return names, nil
}

// readHashtags reads hashtags from SQL, and adds them to others.
func (s *Store) readHashtags(ctx context.Context, ids []int64, to map[int64]tweets.UsedHashtag) error {
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	at := s.hashtags.now().UnixNano()
	ids = slices.Compact(ids)
	read, err := s.tweets.Hashtags(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		h, ok := read[id]
		if ok {
			to[id] = h
		}
		s.hashtags.kept.Put(id, keptHashtag{h, at})
	}
	return nil
}
