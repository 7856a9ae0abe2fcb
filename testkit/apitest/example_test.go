package apitest_test

import (
	"testing"

	"roost/testkit/apitest"
)

// A test of the API runs on both kinds of stores, on a node of its own.
func ExampleEach() {
	test := func(t *testing.T) {
		apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
			ada := r.SignUp(t, "ada")
			tweet := ada.Tweet(t, "Hello")
			res := r.Anonymous().Must(t, `query($id: ID!) { tweet(id: $id) { author { username } } }`, apitest.Vars{"id": tweet})
			if got := res.String("tweet.author.username"); got != ada.Name {
				t.Errorf("the author is %q", got)
			}
		})
	}
	_ = test // func TestTweetsHaveAuthors(t *testing.T)
}

// A subscription runs on a socket; each Next waits for its next event.
func ExampleSocket_Subscribe() {
	test := func(t *testing.T) {
		r := apitest.New(t, apitest.Embedded)
		ada := r.SignUp(t, "ada")
		tweet := ada.Tweet(t, "Like me")
		counts := ada.Dial(t).Subscribe(t, `subscription($ids: [ID!]!) { reactionsChanged(subjectIds: $ids) { reactions { likeCount } } }`,
			apitest.Vars{"ids": []string{tweet}})
		counts.Next(t) // the first state
		r.SignUp(t, "bob").React(t, tweet, "LIKE")
		if n := counts.Next(t).Int("reactionsChanged.reactions.likeCount"); n != 1 {
			t.Errorf("%d likes", n)
		}
	}
	_ = test // func TestLikesAreCounted(t *testing.T)
}
