package load

import "testing"

func TestRevision(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		`{"data":{"reactions":{"likeCount":3,"revision":1234}}}`: 1234,
		`{"revision":7`: 7, `{"revision":null}`: 0, `{"likeCount":3}`: 0, ``: 0,
	} {
		if got := Revision([]byte(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
