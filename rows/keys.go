package rows

import (
	"strconv"
	"strings"

	"roost/cache"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/retweets"
)

// All keys of entries are made here. A key is cache.EntryPrefix, the entity's letters, and the row's key with numbers in decimal. They
// stay as they are, so that nodes of two releases invalidate each other's entries; TestForms has all of them.
const (
	accountPrefix     = cache.EntryPrefix + "u:"  // + user
	userCountsPrefix  = cache.EntryPrefix + "uc:" // + user
	namePrefix        = cache.EntryPrefix + "n:"  // + name in lower case
	sessionPrefix     = cache.EntryPrefix + "s:"  // + session
	followPrefix      = cache.EntryPrefix + "f:"  // + follower:followee
	followedPrefix    = cache.EntryPrefix + "fl:" // + follower
	authorListPrefix  = cache.EntryPrefix + "at:" // + author
	tweetPrefix       = cache.EntryPrefix + "t:"  // + tweet
	tweetCountsPrefix = cache.EntryPrefix + "tc:" // + tweet
	reactionPrefix    = cache.EntryPrefix + "r:"  // + tweet:user
	reactedPrefix     = cache.EntryPrefix + "vr:" // + user
	retweetPrefix     = cache.EntryPrefix + "rt:" // + tweet:user
	retweetedPrefix   = cache.EntryPrefix + "vt:" // + user
)

// keys converts between the keys of rows and of Redis. append adds a row's key to a prefix, and parse is its inverse.
type keys[K comparable] struct {
	prefix string
	append func(to []byte, k K) []byte
	parse  func(rest string) (K, bool)
	id     func(k K) cache.ID // nil for keys that are not numbers
}

func (k keys[K]) of(key K) string {
	var space [64]byte
	return string(k.append(append(space[:0], k.prefix...), key))
}

// from is the inverse of of. ok is false if key is not one of these keys.
func (k keys[K]) from(key string) (K, bool) {
	rest, ok := strings.CutPrefix(key, k.prefix)
	if !ok {
		var none K
		return none, false
	}
	return k.parse(rest)
}

func numbered(prefix string) keys[int64] {
	kind := cache.NewIDKind(prefix, 1)
	return keys[int64]{prefix,
		func(to []byte, id int64) []byte { return strconv.AppendInt(to, id, 10) },
		func(rest string) (int64, bool) {
			id, err := strconv.ParseInt(rest, 10, 64)
			return id, err == nil
		}, kind.One}
}

func named(prefix string) keys[string] {
	return keys[string]{prefix,
		func(to []byte, name string) []byte { return append(to, name...) },
		func(rest string) (string, bool) { return rest, true }, nil}
}

// paired returns keys of two numbers. split and join convert a K from and to its numbers.
func paired[K comparable](prefix string, split func(K) (int64, int64), join func(a, b int64) K) keys[K] {
	kind := cache.NewIDKind(prefix, 2)
	return keys[K]{prefix,
		func(to []byte, k K) []byte {
			a, b := split(k)
			return strconv.AppendInt(append(strconv.AppendInt(to, a, 10), ':'), b, 10)
		},
		func(rest string) (K, bool) {
			first, second, _ := strings.Cut(rest, ":")
			a, errA := strconv.ParseInt(first, 10, 64)
			b, errB := strconv.ParseInt(second, 10, 64)
			return join(a, b), errA == nil && errB == nil
		},
		func(k K) cache.ID { return kind.Two(split(k)) }}
}

var (
	accountKeys     = numbered(accountPrefix)
	userCountsKeys  = numbered(userCountsPrefix)
	nameKeys        = named(namePrefix)
	sessionKeys     = numbered(sessionPrefix)
	followedKeys    = numbered(followedPrefix)
	authorListKeys  = numbered(authorListPrefix)
	tweetKeys       = numbered(tweetPrefix)
	tweetCountsKeys = numbered(tweetCountsPrefix)
	reactedKeys     = numbered(reactedPrefix)
	retweetedKeys   = numbered(retweetedPrefix)
	followKeys      = paired(followPrefix,
		func(e follows.Edge) (int64, int64) { return e.FollowerID, e.FolloweeID },
		func(a, b int64) follows.Edge { return follows.Edge{FollowerID: a, FolloweeID: b} })
	reactionKeys = paired(reactionPrefix,
		func(s reactions.Key) (int64, int64) { return s.TweetID, s.UserID },
		func(a, b int64) reactions.Key { return reactions.Key{TweetID: a, UserID: b} })
	retweetKeys = paired(retweetPrefix,
		func(k retweets.Key) (int64, int64) { return k.TweetID, k.UserID },
		func(a, b int64) retweets.Key { return retweets.Key{TweetID: a, UserID: b} })
)
