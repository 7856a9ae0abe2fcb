package homeaudit

import (
	"time"

	"roost/domain/timelines"
	"roost/internal/ids"
)

// Problem classifies how an entry of a derived timeline disagrees with SQL.
type Problem string

// The problems of an entry.
const (
	// Missing is an entry that SQL has and the derived timeline lacks.
	Missing Problem = "missing"
	// Extra is an entry that SQL does not have, or that the derived timeline has twice.
	Extra Problem = "extra"
	// Misplaced is a tweet with another place, or brought by another user's retweet, than in SQL.
	Misplaced Problem = "misplaced"
)

// Place is the place of a tweet in a timeline. RetweeterID is 0 for a tweet at its own place. The zero Place is none.
type Place struct {
	SortKey     int64
	RetweeterID ids.UserID
}

// Finding is a difference.
type Finding struct {
	Problem         Problem
	ViewerID        ids.UserID
	Viewer          string // the username, empty if it cannot be read
	TweetID         ids.TweetID
	Derived, Stored Place
}

// difference is a Finding of a viewer who is known.
type difference struct {
	problem         Problem
	derived, stored timelines.Entry
	// stale is the version of the list of those whom the viewer follows that was derived from, if SQL has another one; 0 if not. With a
	// further version it is another difference, because that list was written in between.
	stale int64
}

func (d difference) finding(viewerID int64, name string) Finding {
	return Finding{Problem: d.problem, ViewerID: ids.UserID(viewerID), Viewer: name, TweetID: ids.TweetID(max(d.derived.Item, d.stored.Item)),
		Derived: Place{d.derived.SortKey, ids.UserID(d.derived.By)},
		Stored:  Place{d.stored.SortKey, ids.UserID(d.stored.By)}}
}

// Report is the result of an audit.
type Report struct {
	// Viewers counts timelines that were compared, and Entries the entries that were derived for them.
	Viewers, Entries int64
	// Settled counts timelines that differed at first, and no more within the time that writes need to arrive.
	Settled int64
	// Missing, Extra and Misplaced count differences, and Differing the timelines that have any.
	Missing, Extra, Misplaced, Differing int64
	// Repaired counts timelines that had none of their differences any more after the repair.
	Repaired int64
	Examples []Finding // the first ones
	Took     time.Duration
}

// Found returns the number of differences.
func (r *Report) Found() int64 { return r.Missing + r.Extra + r.Misplaced }

func (r *Report) add(d difference) {
	switch d.problem {
	case Missing:
		r.Missing++
	case Extra:
		r.Extra++
	case Misplaced:
		r.Misplaced++
	}
}
