package layout

import (
	"encoding/base64"
	"encoding/binary"
	"testing"
)

func TestViewerOfAKey(t *testing.T) {
	t.Parallel()
	b := binary.BigEndian.AppendUint64(nil, 1<<62+12345)
	b = append(b, make([]byte, 32)...)
	if id, ok := Viewer("roost_" + base64.RawURLEncoding.EncodeToString(b)); !ok || id != 1<<62+12345 {
		t.Errorf("%d, %v", id, ok)
	}
	for _, key := range []string{"", "roost_", "roost_short", "roost_???????????????", "other_AAAAAAAAAAAAAAAA"} {
		if id, ok := Viewer(key); ok {
			t.Errorf("%q is of %d", key, id)
		}
	}
}

func TestPieces(t *testing.T) {
	t.Parallel()
	got, err := pieces("id", "x", "text", "a \"b\" <c> é\n")
	if want := `"id":"x","text":"a \"b\" <c> é\n"`; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func TestEntries(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]struct {
		by, sortKey string
		ok          bool
	}{Entry(12, 3): {}, Retweet(12, 3, 45, 67): {"45", "67", true}} {
		if tweet, author := ReadEntry(entry); tweet != "12" || author != "3" {
			t.Errorf("%q is the tweet %q by %q", entry, tweet, author)
		}
		if by, sortKey, ok := ReadRetweet(entry); by != want.by || sortKey != want.sortKey || ok != want.ok {
			t.Errorf("%q was brought by %q at %q, %v; want %v", entry, by, sortKey, ok, want)
		}
	}
}
