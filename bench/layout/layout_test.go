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
