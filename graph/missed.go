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
func eventCursor(position int64) string { return cursors.Encode(cursors.Events, position+1) }

// positionOf reads an event cursor; it fails with BAD_CURSOR for anything else.
func positionOf(cursor string) (int64, error) {
	place, err := cursors.Decode(cursors.Events, cursor)
	if err != nil {
		return 0, errs.New(errs.BadRequest, "`after` is not a cursor of timeline events").Because(errs.ReasonBadCursor)
	}
	return place - 1, nil
}

// missed gives what happened to a viewer's home timeline behind one position and up to another, oldest
// first, or a reset when that cannot be told any more.
func (s subscriptions) missed(ctx context.Context, viewer, after, upTo int64) ([]live.Change, error) {
	head, err := s.Log.Head(ctx)
	if err != nil {
		return nil, err
	}
	if after > head { // of a log that is gone
		return []live.Change{{Seq: upTo, Reset: live.Expired}}, nil
	}
	if after >= upTo {
		return nil, nil
	}
	entries, err := s.Log.After(ctx, after, upTo, maxMissed+1, homeTypes...)
	if err != nil {
		return nil, err
	}
	// Asked afterwards, so that retention cannot come in between.
	oldest, err := s.Log.Oldest(ctx)
	if err != nil {
		return nil, err
	}
	if after < oldest || len(entries) > maxMissed {
		return []live.Change{{Seq: upTo, Reset: live.Expired}}, nil
	}
	followed, err := s.Sources.Rows.Followed.Load(ctx, []int64{viewer})
	if err != nil {
		return nil, err
	}
	authors := []int64{viewer}
	if f := followed[viewer]; f != nil {
		authors = append(authors, f.UserIDs...)
	}
	return changesFor(viewer, authors, entries), nil
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
			out = []live.Change{{Seq: entry.Seq, Reset: live.Rebuilt}}
			continue
		}
		switch e := e.(type) {
		case events.TweetPosted:
			if read[e.AuthorID] {
				out = append(out, live.Change{Seq: entry.Seq, TweetID: e.TweetID, AuthorID: e.AuthorID})
			}
		case events.TweetDeleted:
			if read[e.AuthorID] {
				out = append(out, live.Change{Seq: entry.Seq, TweetID: e.TweetID, AuthorID: e.AuthorID, Deleted: true})
			}
		case events.UserFollowed:
			if e.FollowerID == viewer {
				out = []live.Change{{Seq: entry.Seq, Reset: live.Rebuilt}}
			}
		case events.UserUnfollowed:
			if e.FollowerID == viewer {
				out = []live.Change{{Seq: entry.Seq, Reset: live.Rebuilt}}
			}
		case events.RowsImported:
			out = []live.Change{{Seq: entry.Seq, Reset: live.Rebuilt}}
		}
	}
	return out
}
