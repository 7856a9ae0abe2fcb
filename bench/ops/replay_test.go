package ops

import (
	"slices"
	"testing"
)

// The likes come in their order, as dislikes and then as likes. A share goes to the viral tweet, each of a user as another kind than the
// one before.
func TestReplay(t *testing.T) {
	t.Parallel()
	p := &Replay{Share: 0.4, likers: []Viewer{{ID: 10}, {ID: 11}}, likes: []replayedLike{{0, 1}, {1, 1}, {0, 2}, {1, 3}, {0, 4}}}
	var got []Reaction
	sources := p.source(9, func(r Reaction, _ []byte) []byte { got = append(got, r); return nil })
	one, other := sources(0, 2), sources(1, 2)
	for range 5 {
		one(nil)
		other(nil)
	}
	at := func(liker int64, tweet int64, kind string) Reaction { return Reaction{Viewer{ID: liker}, tweet, kind} }
	if want := []Reaction{
		at(10, 1, "DISLIKE"), at(11, 1, "DISLIKE"), at(10, 9, "DISLIKE"), at(11, 3, "DISLIKE"), at(10, 9, "LIKE"),
		at(10, 1, "LIKE"), at(11, 1, "LIKE"), at(10, 9, "DISLIKE"), at(11, 3, "LIKE"), at(10, 9, "LIKE"),
	}; !slices.EqualFunc(got, want, func(a, b Reaction) bool {
		return a.Viewer.ID == b.Viewer.ID && a.Tweet == b.Tweet && a.Kind == b.Kind
	}) {
		t.Errorf("the likes come as %+v, want %+v", got, want)
	}
}
