package ops

import (
	"testing"

	"roost/bench/load"
)

func TestNumberOfAPush(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		`{"id":"1","type":"next","payload":{"data":{"homeTimelineEvents":{"cursor":"x","edge":` +
			`{"node":{"id":"y","text":"push-17","createdAt":"z"}}}}}}`: 17,
		`{"data":{"createTweet":{"tweet":{"id":"y","text":"push-3"},"userErrors":[]}}}`:                      3,
		`{"data":{"createTweet":{"tweet":null,"userErrors":[{"code":"TOO_LONG"}]}}}`:                         0,
		`{"id":"1","type":"next","payload":{"data":{"homeTimelineEvents":{"cursor":"x","reason":"push-"}}}}`: 0,
		`{"type":"connection_ack"}`: 0,
	} {
		if got := Number([]byte(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

// What is asked for carries growing numbers, on each target its own.
func TestPostsAreNumbered(t *testing.T) {
	t.Parallel()
	w := &World{posted: map[string]int{}, Author: Viewer{Key: "key"}}
	inPath := load.NumberAfter("text=" + postName)
	roost, baseline := w.Posts(Server{Name: "roost"}, false), w.Posts(Server{Name: "baseline"}, true)
	for i := int64(1); i <= 3; i++ {
		request := roost(nil)
		if got := Number(request); got != i {
			t.Errorf("request %d carries %d: %s", i, got, request)
		}
	}
	// Another run goes on.
	w.Posts(Server{Name: "baseline"}, true)(nil)
	if request := baseline(nil); inPath(request) != 2 {
		t.Errorf("the second request is %s", request)
	}
	if w.posted["roost"] != 3 || w.posted["baseline"] != 2 {
		t.Errorf("asked for %v", w.posted)
	}
}
