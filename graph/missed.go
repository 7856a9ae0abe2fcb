package graph

import (
	"context"

	"roost/events"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/live"
)

// maxMissed is how many events a subscription catches up on; beyond it the timeline is read again.
const maxMissed = 10_000

// homeTypes are the events that concern home timelines; the index events_timeline holds the same.
var homeTypes = []string{events.TweetPosted{}.Type(), events.TweetDeleted{}.Type(), events.UserFollowed{}.Type(),
	events.UserUnfollowed{}.Type(), events.RowsImported{}.Type()}

// eventCursor is the cursor of a position in the log, which may be 0.
func eventCursor(position events.Position) string {
	return cursors.Encode(cursors.Events, int64(position)+1)
}

// positionOf reads an event cursor; it fails with BAD_CURSOR for anything else.
func positionOf(cursor string) (events.Position, error) {
	place, err := cursors.Decode(cursors.Events, cursor)
	if err != nil {
		return 0, errs.New(errs.BadRequest, "`after` is not a cursor of timeline events").Because(errs.ReasonBadCursor)
	}
	return events.Position(place - 1), nil
}

// missed gives what happened to a viewer's home timeline behind one position and up to another, oldest
// first, or a reset when that cannot be told any more.
func (s subscriptions) missed(ctx context.Context, viewer int64, after, upTo events.Position) ([]live.Change, error) {
	log, err := s.Log.After(ctx, after.Seq(), upTo.Seq(), maxMissed+1, homeTypes...)
	if err != nil {
		return nil, err
	}
	// Of a log that is gone, unless both positions and the answer are of one epoch, which the node may not have noticed yet.
	gone := after.Epoch() != upTo.Epoch() || log.Epoch.Number != upTo.Epoch() || after.Seq() > log.Head
	if !gone && after.Covers(upTo) {
		return nil, nil
	}
	if gone || after.Seq() < log.Oldest || len(log.Entries) > maxMissed {
		return []live.Change{{At: upTo, Reset: live.Expired}}, nil
	}
	followed, err := s.Sources.Rows.Followed.Load(ctx, []int64{viewer})
	if err != nil {
		return nil, err
	}
	authors := []int64{viewer}
	if f := followed[viewer]; f != nil {
		authors = append(authors, f.UserIDs...)
	}
	return changesFor(viewer, authors, log.Entries), nil
}

// changesFor picks what concerns the viewer, who reads the authors. What lies before a reset is part of what
// will be read again. An event that cannot be read may concern everybody.
func changesFor(viewer int64, authors []int64, entries []events.Entry) []live.Change {
	read := make(map[int64]bool, len(authors))
	for _, a := range authors {
		read[a] = true
	}
	var out []live.Change
	for _, entry := range entries {
		e, err := entry.Event()
		if err != nil {
			out = []live.Change{{At: entry.Position(), Reset: live.Rebuilt}}
			continue
		}
		switch e := e.(type) {
		case events.TweetPosted:
			if read[e.AuthorID] {
				out = append(out, live.Change{At: entry.Position(), TweetID: e.TweetID, AuthorID: e.AuthorID})
			}
		case events.TweetDeleted:
			if read[e.AuthorID] {
				out = append(out, live.Change{At: entry.Position(), TweetID: e.TweetID, AuthorID: e.AuthorID, Deleted: true})
			}
		case events.UserFollowed:
			if e.FollowerID == viewer {
				out = []live.Change{{At: entry.Position(), Reset: live.Rebuilt}}
			}
		case events.UserUnfollowed:
			if e.FollowerID == viewer {
				out = []live.Change{{At: entry.Position(), Reset: live.Rebuilt}}
			}
		case events.RowsImported:
			out = []live.Change{{At: entry.Position(), Reset: live.Rebuilt}}
		}
	}
	return out
}
