package ops

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestSame(t *testing.T) {
	t.Parallel()
	want := object{"user": object{"id": "x", "tweetCount": int64(3), "timeline": []any{"a", "b"}}}
	for body, right := range map[string]bool{
		`{"data":{"user":{"id":"x","tweetCount":3,"timeline":["a","b"]}}}`:               true,
		`{"data": {"user": {"timeline": ["a", "\u0062"], "tweetCount": 3, "id": "x"}}}`:  true,
		`{"data":{"user":{"id":"x","tweetCount":4,"timeline":["a","b"]}}}`:               false,
		`{"data":{"user":{"id":"x","tweetCount":3,"timeline":["b","a"]}}}`:               false,
		`{"data":{"user":{"id":"x","tweetCount":3,"timeline":["a"]}}}`:                   false,
		`{"data":{"user":{"id":"x","tweetCount":3,"timeline":["a","b"],"bio":""}}}`:      false,
		`{"data":{"user":{"id":"x","tweetCount":3,"timeline":["a","b"]}},"errors":[{}]}`: false,
		`{"data":null}`: false, `not JSON`: false,
	} {
		if err := same([]byte(body), want); (err == nil) != right {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestMoved(t *testing.T) {
	t.Parallel()
	state := func(likes, dislikes, revision int64, mine string) any {
		return object{"setReaction": object{"subject": object{"reactions": object{
			"likeCount": likes, "dislikeCount": dislikes, "revision": revision, "viewerReaction": mine}}}}
	}
	for name, c := range map[string]struct {
		before, after any
		kind          string
		right         bool
	}{
		"new":           {state(5, 5, 9, "NONE"), state(6, 5, 10, "LIKE"), "LIKE", true},
		"switch":        {state(5, 5, 9, "LIKE"), state(4, 6, 10, "DISLIKE"), "DISLIKE", true},
		"again":         {state(5, 5, 9, "LIKE"), state(5, 5, 9, "LIKE"), "LIKE", true},
		"counted twice": {state(5, 5, 9, "LIKE"), state(6, 5, 10, "LIKE"), "LIKE", false},
		"lost":          {state(5, 5, 9, "NONE"), state(5, 5, 9, "LIKE"), "LIKE", false},
		"not taken":     {state(5, 5, 9, "NONE"), state(5, 5, 9, "NONE"), "LIKE", false},
	} {
		if err := moved(c.before, c.after, Reaction{Kind: c.kind}); (err == nil) != c.right {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecompress(t *testing.T) {
	t.Parallel()
	const text = "twenty tweets"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for encoding, body := range map[string][]byte{"": []byte(text), "gzip": zipped.Bytes(), "zstd": e.EncodeAll([]byte(text), nil)} {
		if got, err := decompress(body, encoding); err != nil || string(got) != text {
			t.Errorf("%q: %q, %v", encoding, got, err)
		}
	}
	for _, encoding := range []string{"gzip", "zstd", "other"} {
		if got, err := decompress([]byte(text), encoding); err == nil {
			t.Errorf("%s: plain text is decoded as %q", encoding, got)
		}
	}
}
