package live

import (
	"context"
	"slices"

	"roost/domain/timelines"
	"roost/events"
)

// maxCatchUp is how many events a subscription catches up on. Beyond it the timeline is read again.
const maxCatchUp = 10_000

// Contents are what a catch-up reads of a home timeline.
type Contents struct {
	// Authors returns the users whose entries the timeline contains.
	Authors func(ctx context.Context) ([]int64, error)
	// Brought returns for each of the tweets that retweets by such users bring into the timeline what brings it.
	Brought func(ctx context.Context, authors, tweetIDs []int64) (map[int64]timelines.Brought, error)
}

// CatchUp returns the changes of a viewer's home timeline behind one position and up to another, oldest first. If the log no
// longer has all of them, the only change is a reset for the reason Expired. The contents are read after the log was read, and only if
// there is something to catch up on.
func CatchUp(ctx context.Context, log *events.Reader, viewerID int64, of Contents, after, upTo events.Position) ([]Change, error) {
	missed, err := log.After(ctx, after.Seq(), upTo.Seq(), maxCatchUp+1, timelines.HomeEventTypes()...)
	if err != nil {
		return nil, err
	}
	// Unless both positions and the answer belong to one epoch, the log that the client followed no longer exists. This node may
	// not have noticed that yet.
	gone := after.Epoch() != upTo.Epoch() || missed.Epoch.Number != upTo.Epoch() || after.Seq() > missed.Head
	if !gone && after.Covers(upTo) {
		return nil, nil
	}
	if gone || after.Seq() < missed.Oldest || len(missed.Entries) > maxCatchUp {
		return []Change{{At: upTo, Reset: Expired}}, nil
	}
	return changesFor(ctx, viewerID, of, missed.Entries)
}

// missedEvent is an event that may concern a home timeline.
type missedEvent struct {
	at   events.Position
	home timelines.HomeChange
}

// changesFor returns the changes that concern a viewer. A reset replaces the changes before it. An event that cannot be read may concern
// everybody, so it is a reset.
func changesFor(ctx context.Context, viewerID int64, of Contents, entries []events.Entry) ([]Change, error) {
	var missed []missedEvent
	for _, entry := range entries {
		e, err := entry.Event()
		if err != nil {
			missed = []missedEvent{{entry.Position(), timelines.HomeChange{Kind: timelines.Rebuilt}}}
			continue
		}
		home, ok := timelines.HomeChangeOf(e)
		switch {
		case !ok:
		case home.Kind != timelines.Rebuilt:
			missed = append(missed, missedEvent{entry.Position(), home})
		case home.ViewerID == 0 || home.ViewerID == viewerID:
			missed = []missedEvent{{entry.Position(), home}}
		}
	}
	if len(missed) == 0 {
		return nil, nil
	}
	authors, err := of.Authors(ctx)
	if err != nil {
		return nil, err
	}
	users := make(map[int64]bool, len(authors))
	for _, a := range authors {
		users[a] = true
	}
	inHome := func(user int64) bool { return users[user] }
	var retweeted []int64 // tweets that only a retweet can bring into the timeline
	for _, m := range missed {
		if m.home.Kind == timelines.EntryRemoved && !m.home.Ends().In(inHome) || isRetweetFor(m.home, inHome) {
			retweeted = append(retweeted, m.home.TweetID)
		}
	}
	var brought map[int64]timelines.Brought
	if len(retweeted) > 0 {
		slices.Sort(retweeted)
		if brought, err = of.Brought(ctx, authors, slices.Compact(retweeted)); err != nil {
			return nil, err
		}
	}
	var out []Change
	for _, m := range missed {
		switch now, isBrought := brought[m.home.TweetID]; {
		case isRetweetFor(m.home, inHome):
			out = append(out, partsOf(m.at, m.home, now)...)
		case m.home.Kind == timelines.Rebuilt, m.home.Ends().In(inHome) && m.home.UserID == 0,
			m.home.Kind == timelines.EntryRemoved && isBrought:
			out = append(out, changeOf(m.at, m.home))
		}
	}
	return out, nil
}

// isRetweetFor reports whether a change of a tweet's retweets may concern the home timeline that contains the entries of some users.
func isRetweetFor(home timelines.HomeChange, inHome func(user int64) bool) bool {
	return (home.Kind == timelines.Retweeted || home.Kind == timelines.RetweetEnded) && inHome(home.UserID) && !home.Ends().In(inHome)
}

// changeOf is a change of home timelines as subscribers get it.
func changeOf(at events.Position, home timelines.HomeChange) Change {
	if home.Kind == timelines.Rebuilt {
		return Change{At: at, Reset: Rebuilt}
	}
	return Change{At: at, TweetID: home.TweetID, AuthorID: home.AuthorID, RetweeterID: home.UserID, SortKey: home.SortKey,
		Deleted: home.Kind == timelines.EntryRemoved}
}
