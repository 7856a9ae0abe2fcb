package ids

import (
	"encoding/base64"
	"encoding/binary"
)

// Kind is the type of object that a global id names; it is the id's first byte.
type Kind byte

// The kinds. A number is never used again for something else: clients keep ids.
const (
	KindUser    Kind = 'u'
	KindTweet   Kind = 't'
	KindSession Kind = 's'
	KindRetweet Kind = 'r'
	KindHashtag Kind = '#'
)

// numbers are how many numbers an object of a kind is named by.
var numbers = map[Kind]int{KindUser: 1, KindTweet: 1, KindSession: 2, KindRetweet: 3, KindHashtag: 1}

// UserID is a user's id. Clients see it as a global id, which String returns.
type UserID int64

// TweetID is a tweet's id. Clients see it as a global id, which String returns.
type TweetID int64

// HashtagID is a hashtag's id. Clients see it as a global id, which String returns.
type HashtagID int64

// SessionID is a session's id and its user's, which together find the row. Clients see it as a global id, which String returns.
type SessionID struct{ User, ID int64 }

// RetweetID is the tweet and the user of a retweet, which together find the row, and the sort key that the retweet got when it began: a
// user who retweets again makes another one. Clients see it as a global id, which String returns.
type RetweetID struct{ Tweet, User, SortKey int64 }

// encoding is strict: a second spelling of an id is garbage.
var encoding = base64.RawURLEncoding.Strict()

// Encode returns the global id of an object: its kind and numbers in URL-safe Base64.
func Encode(k Kind, parts ...int64) string {
	b := make([]byte, 1, 1+8*len(parts))
	b[0] = byte(k)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint64(b, uint64(p))
	}
	return encoding.EncodeToString(b)
}

// maxGlobal is the length of the longest global id, and maxParts how many numbers it has.
const maxGlobal, maxParts = 34, 3

// Decode reads a global id; ok is false for garbage, which includes ids that were never given out
// because a part is not positive.
func Decode(global string) (k Kind, parts []int64, ok bool) {
	var all [maxParts]int64
	k, n := decode(global, &all)
	if n == 0 {
		return 0, nil, false
	}
	return k, append(parts, all[:n]...), true
}

// decode reads a global id into parts. It returns how many there are, 0 for garbage.
func decode(global string, parts *[maxParts]int64) (k Kind, n int) {
	if len(global) > maxGlobal {
		return 0, 0
	}
	var text [maxGlobal]byte
	var raw [1 + 8*maxParts]byte
	length, err := encoding.Decode(raw[:], text[:copy(text[:], global)])
	// Line breaks, which the decoder skips, would be a second spelling.
	if err != nil || length == 0 || encoding.EncodedLen(length) != len(global) {
		return 0, 0
	}
	k = Kind(raw[0])
	want, ok := numbers[k]
	if !ok || length != 1+8*want {
		return 0, 0
	}
	for i := range want {
		if parts[i] = int64(binary.BigEndian.Uint64(raw[1+8*i:])); parts[i] <= 0 {
			return 0, 0
		}
	}
	return k, want
}

// User reads a user's global id; ok is false for garbage and ids of other types.
func User(global string) (id int64, ok bool) { return one(KindUser, global) }

// Tweet reads a tweet's global id; ok is false for garbage and ids of other types.
func Tweet(global string) (id int64, ok bool) { return one(KindTweet, global) }

// Hashtag reads a hashtag's global id; ok is false for garbage and ids of other types.
func Hashtag(global string) (id int64, ok bool) { return one(KindHashtag, global) }

// Session reads a session's global id; ok is false for garbage and ids of other types.
func Session(global string) (id SessionID, ok bool) {
	k, p, ok := Decode(global)
	if !ok || k != KindSession {
		return SessionID{}, false
	}
	return SessionID{User: p[0], ID: p[1]}, true
}

// Retweet reads a retweet's global id; ok is false for garbage and ids of other types.
func Retweet(global string) (id RetweetID, ok bool) {
	k, p, ok := Decode(global)
	if !ok || k != KindRetweet {
		return RetweetID{}, false
	}
	return RetweetID{Tweet: p[0], User: p[1], SortKey: p[2]}, true
}

func one(want Kind, global string) (int64, bool) {
	var parts [maxParts]int64
	if k, n := decode(global, &parts); n == 0 || k != want {
		return 0, false
	}
	return parts[0], true
}

// String returns the global id.
func (id UserID) String() string { return Encode(KindUser, int64(id)) }

// String returns the global id.
func (id TweetID) String() string { return Encode(KindTweet, int64(id)) }

// String returns the global id.
func (id HashtagID) String() string { return Encode(KindHashtag, int64(id)) }

// String returns the global id.
func (id SessionID) String() string { return Encode(KindSession, id.User, id.ID) }

// String returns the global id.
func (id RetweetID) String() string { return Encode(KindRetweet, id.Tweet, id.User, id.SortKey) }
