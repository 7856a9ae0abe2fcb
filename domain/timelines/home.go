package timelines

import "roost/domain/tweets"

// Relation is what the rule of home timelines looks at between a viewer and an author.
type Relation struct {
	viewerID, authorID int64
	follows            bool
}

// NewRelation returns the relation of a viewer to an author; follows reports whether the viewer follows the author. It is the
// only way to make a Relation, so a new parameter breaks the build of every reader that does not supply it.
func NewRelation(viewerID, authorID int64, follows bool) Relation {
	return Relation{viewerID: viewerID, authorID: authorID, follows: follows}
}

// InHome is the rule of home timelines: it reports whether the viewer's contains the author's tweets. Pages, pushes and
// catch-up all ask it; homeChanges lists the events that may change its answer.
func (r Relation) InHome() bool { return r.follows || r.authorID == r.viewerID }

// Ends are the users whose entries a home timeline must contain for a tweet to be there at its own place: who wrote it and, if it answers a
// tweet, who wrote that. ParentAuthorID is 0 if it answers none.
type Ends struct{ AuthorID, ParentAuthorID int64 }

// In reports whether a home timeline has the tweet at its own place; inHome reports whether it contains a user's entries.
func (e Ends) In(inHome func(userID int64) bool) bool {
	return inHome(e.AuthorID) && (e.ParentAuthorID == 0 || e.ParentAuthorID == e.AuthorID || inHome(e.ParentAuthorID))
}

// Shown returns a tweet of the author as the viewer's home timeline shows it now: nil if the tweet is not visible, or if the
// timeline does not contain the author's tweets. The tweet may be nil.
func (r Relation) Shown(t *tweets.Tweet) *tweets.Tweet {
	if !r.InHome() {
		return nil
	}
	return tweets.Visible(t)
}

// Shown returns the tweet of an entry as a viewer's home timeline shows it now: nil if the tweet is not visible, or if the timeline does
// not contain the entry. followed and t may be nil.
func Shown(viewerID int64, p Post, followed *Followed, t *tweets.Tweet) *tweets.Tweet {
	inHome := func(userID int64) bool { return NewRelation(viewerID, userID, followed.Contains(userID)).InHome() }
	if t = tweets.Visible(t); t == nil {
		return nil
	}
	own := Ends{p.AuthorID, t.ParentAuthorID}.In(inHome)
	if p.RetweeterID == 0 && own || p.RetweeterID != 0 && !own && inHome(p.RetweeterID) {
		return t
	}
	return nil
}

// HomeAuthors returns the authors whose tweets a viewer's home timeline contains. The list of those whom the viewer follows
// is nil for a viewer without a row of counts. The result is kept with the list, so nobody may change it.
func HomeAuthors(viewerID int64, followed *Followed) []int64 {
	if followed == nil {
		followed = &Followed{}
	}
	if known := followed.home.Load(); known != nil && known.viewerID == viewerID {
		return known.authors
	}
	authors := make([]int64, 0, len(followed.UserIDs)+1)
	for _, id := range followed.UserIDs {
		if NewRelation(viewerID, id, true).InHome() {
			authors = append(authors, id)
		}
	}
	if NewRelation(viewerID, viewerID, false).InHome() {
		authors = append(authors, viewerID)
	}
	followed.home.Store(&homeAuthors{viewerID, authors})
	return authors
}

// Post names a tweet, its author, and the user whose retweet brings it into a timeline; 0 for an entry at the tweet's own place.
type Post struct{ TweetID, AuthorID, RetweeterID int64 }
