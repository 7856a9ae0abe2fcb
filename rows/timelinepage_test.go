package rows

import (
	"testing"

	"roost/domain/timelines"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
)

// A search that cannot be answered takes nothing from the other pages of its batch, and they take nothing from it.
func TestTimelinesBesideAFailingSearch(t *testing.T) {
	t.Parallel()
	r := newRig(t, sqldb.Config{File: dbtest.File(t)}, nil)
	ada := r.authors(t, 1)[0]
	tweet, err := r.Tweets.Post(t.Context(), ada, "hello")
	if err != nil {
		t.Fatal(err)
	}
	page := sqldb.Key{Owner: ada, Window: cursors.Whole(1), Kinds: timelines.OwnTweets}
	refused := page
	refused.Matching = "..." // has no word
	q := r.here.AskTimelines([]sqldb.Key{refused, page})
	if req := q.Request(); req != nil {
		r.here.Answer(t.Context(), req)
	}
	if _, err := q.At(t.Context(), 0); !errs.Is(err, errs.BadRequest) {
		t.Errorf("a search without words: %v", err)
	}
	if got, err := q.At(t.Context(), 1); err != nil || len(got.Items) != 1 || got.Items[0].Item != int64(tweet.ID) {
		t.Errorf("the page beside it: %+v, %v", got, err)
	}
}
