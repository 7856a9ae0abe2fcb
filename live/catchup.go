package live

import (
	"context"

	"roost/domain/timelines"
	"roost/events"
)

// maxCatchUp is how many events a subscription catches up on. Beyond it the timeline is read again.
const maxCatchUp = 10_000

// CatchUp returns the changes of a viewer's home timeline behind one position and up to another, oldest first. If the log no
// longer has all of them, the only change is a reset for the reason Expired. authors returns the users whose tweets the
// timeline contains; it is called after the log was read, and only if there is something to catch up on.
func CatchUp(ctx context.Context, log *events.Reader, viewerID int64, authors func(ctx context.Context) ([]int64, error),
	after, upTo events.Position) ([]Change, error) {
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
	read, err := authors(ctx)
	if err != nil {
		return nil, err
	}
	return changesFor(viewerID, read, missed.Entries), nil
}

// changesFor returns the changes that concern a viewer, whose home timeline contains the tweets of the authors. A reset
// replaces the changes before it. An event that cannot be read may concern everybody, so it is a reset.
func changesFor(viewerID int64, authors []int64, entries []events.Entry) []Change {
	inHome := make(map[int64]bool, len(authors))
	for _, a := range authors {
		inHome[a] = true
	}
	var out []Change
	for _, entry := range entries {
		e, err := entry.Event()
		if err != nil {
			out = []Change{{At: entry.Position(), Reset: Rebuilt}}
			continue
		}
		home, ok := timelines.HomeChangeOf(e)
		switch {
		case !ok:
		case home.Kind == timelines.Rebuilt:
			if home.ViewerID == 0 || home.ViewerID == viewerID {
				out = []Change{changeOf(entry.Position(), home)}
			}
		case inHome[home.AuthorID]:
			out = append(out, changeOf(entry.Position(), home))
		}
	}
	return out
}

// changeOf is a change of home timelines as subscribers get it.
func changeOf(at events.Position, home timelines.HomeChange) Change {
	if home.Kind == timelines.Rebuilt {
		return Change{At: at, Reset: Rebuilt}
	}
	return Change{At: at, TweetID: home.TweetID, AuthorID: home.AuthorID, Deleted: home.Kind == timelines.EntryRemoved}
}
