package ids

import (
	"math"
	"regexp"
	"slices"
	"testing"
)

var urlSafe = regexp.MustCompile(`^[A-Za-z0-9_-]{1,34}$`)

func TestGlobalIDsReadBack(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{1, 2, 255, 256, 1 << 40, math.MaxInt64} {
		for kind, global := range map[Kind]string{
			KindUser: UserID(n).String(), KindTweet: TweetID(n).String(), KindSession: SessionID{n, 5}.String(),
			KindRetweet: RetweetID{n, 5, 6}.String()} {
			k, parts, ok := Decode(global)
			if !ok || k != kind || parts[0] != n || !urlSafe.MatchString(global) {
				t.Errorf("%q reads as %c %v %v", global, k, parts, ok)
			}
			user, isUser := User(global)
			tweet, isTweet := Tweet(global)
			session, isSession := Session(global)
			retweet, isRetweet := Retweet(global)
			if isUser != (kind == KindUser) || isTweet != (kind == KindTweet) || isSession != (kind == KindSession) ||
				isRetweet != (kind == KindRetweet) {
				t.Errorf("%q is of several types, or none", global)
			}
			if (isUser && user != n) || (isTweet && tweet != n) || (isSession && session != SessionID{n, 5}) ||
				(isRetweet && retweet != RetweetID{n, 5, 6}) {
				t.Errorf("%q reads as %d, %d, %v", global, user, tweet, session)
			}
		}
	}
}

// Nothing but what Encode makes is an id, so every object has one id only.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "x", UserID(1).String(), TweetID(math.MaxInt64).String(), SessionID{1, 2}.String(),
		RetweetID{1, 2, 3}.String(), Encode('x', 1), Encode(KindUser, -1), Encode(KindUser, 0), Encode(KindUser, 1, 2), Encode(KindSession, 1),
		Encode(KindRetweet, 1, 2), UserID(1).String() + "=", UserID(1).String() + "\n", "dQAAAAAAAAAB", "dQAAAAAAAAAC"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, parts, ok := Decode(s)
		if !ok {
			return
		}
		if Encode(k, parts...) != s || !slices.Contains([]Kind{KindUser, KindTweet, KindSession, KindRetweet}, k) || slices.Min(parts) < 1 {
			t.Errorf("%q reads as %c %v", s, k, parts)
		}
	})
}

// Reading the id of a tweet allocates nothing.
func TestTweetAllocatesNothing(t *testing.T) {
	global := TweetID(1 << 40).String()
	if n := testing.AllocsPerRun(100, func() { Tweet(global) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
