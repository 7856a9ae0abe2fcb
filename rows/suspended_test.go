package rows

import (
	"context"
	"testing"

	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/events"
)

// The follower notes suspensions, and reads them again when events are missing or the log has begun anew, for as long as it takes. An event
// that the relay handles again changes nothing: it may be of long ago.
func TestSuspensionsAreFollowed(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		s, ctx := r.there, t.Context()
		if err := r.client.User.Create().SetID(7).SetUsername("ada").SetName("ada").SetEmail("a@example.com").SetCreatedAt(r.clock.Now()).
			SetSuspendedAt(r.clock.Now()).SetVersion(3).Exec(ctx); err != nil {
			t.Fatal(err)
		}
		entry := func(typ, payload string) events.Entry {
			return events.Entry{Type: typ, Version: 1, Aggregate: 7, Payload: payload}
		}
		expect := func(when string, want bool) {
			t.Helper()
			if s.Suspended().Has(7) != want {
				t.Errorf("%s the user is suspended: %t", when, !want)
			}
		}
		expect("at first", false)
		s.changesOf([]events.Entry{entry("UserSuspended", `{"UserID":7,"Ver":2}`)})
		expect("after the relay has handled the event again,", false)
		r.exec(t, "ALTER TABLE users RENAME TO users_away")
		short, stop := context.WithTimeout(ctx, suspendedRetry+suspendedRetry/2)
		s.apply(short, events.Batch{Gap: true})
		if short.Err() == nil {
			t.Error("the follower goes on without knowing who is suspended")
		}
		stop()
		r.exec(t, "ALTER TABLE users_away RENAME TO users")
		s.apply(ctx, events.Batch{Gap: true})
		expect("after a gap", true)
		s.apply(ctx, events.Batch{Entries: []events.Entry{entry("UserRestored", `{"UserID":7,"Ver":2}`)}})
		expect("after an event of before,", true)
		s.apply(ctx, events.Batch{Entries: []events.Entry{entry("UserRestored", `{"UserID":7,"Ver":4}`)}})
		expect("after the restoration", false)
		s.apply(ctx, events.Batch{Restart: true})
		expect("in another epoch of the log, which lacks the restoration,", true)
	})
}

// A tweet that answers a suspended user is at its own place for nobody. For a viewer who follows all of them it is in the home timeline by
// a retweet, in pushes as in pages.
func TestAnswersToSuspendedUsers(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		n, all := r.nodes(t, true)[0], r.authors(t, 4)
		viewer, parent, replier, fan := all[0], all[1], all[2], all[3]
		for _, u := range all[1:] {
			if err := n.follows.Follow(t.Context(), viewer, u); err != nil {
				t.Fatal(err)
			}
		}
		first, err := n.tweets.Post(t.Context(), parent, "who answers?")
		if err != nil {
			t.Fatal(err)
		}
		reply, err := n.tweets.PostDraft(t.Context(), replier, tweets.Draft{Text: "I do", InReplyTo: int64(first.ID)})
		if err != nil {
			t.Fatal(err)
		}
		own := timelines.Post{TweetID: int64(reply.ID), AuthorID: replier}
		brought := own
		brought.RetweeterID = fan
		for i, suspended := range []bool{false, true, false} {
			n.store.suspended.Note(parent, int64(10+i), suspended)
			audience, err := n.store.Audience(t.Context(), timelines.Ends{AuthorID: replier, ParentAuthorID: parent}, []int64{viewer})
			if err != nil || (len(audience) == 0) != suspended {
				t.Errorf("with the parent's author suspended (%t) the audience is %v, %v", suspended, audience, err)
			}
			shown, err := n.store.HomeTweets(t.Context(), viewer, []timelines.Post{own, brought})
			if err != nil || (shown[own] == nil) != suspended || (shown[brought] != nil) != suspended {
				t.Errorf("with the parent's author suspended (%t) the timeline shows %v, %v", suspended, shown, err)
			}
		}
	})
}
