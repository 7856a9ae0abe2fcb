package timelines

// Relation is what the rule of home timelines looks at between a viewer and an author.
type Relation struct {
	ViewerID, AuthorID int64
	// Follows reports that the viewer follows the author.
	Follows bool
}

// InHome is the rule of home timelines: it reports whether the viewer's contains the author's tweets. Pages, pushes and
// catch-up all ask it; homeChanges lists the events that may change its answer.
func (r Relation) InHome() bool { return r.Follows || r.AuthorID == r.ViewerID }

// HomeAuthors returns the authors whose tweets a viewer's home timeline contains. The list of those whom the viewer follows
// is nil for a viewer without a row of counts.
func HomeAuthors(viewerID int64, followed *Followed) []int64 {
	if followed == nil {
		followed = &Followed{}
	}
	authors := make([]int64, 0, len(followed.UserIDs)+1)
	for _, id := range followed.UserIDs {
		if (Relation{ViewerID: viewerID, AuthorID: id, Follows: true}).InHome() {
			authors = append(authors, id)
		}
	}
	if (Relation{ViewerID: viewerID, AuthorID: viewerID}).InHome() {
		authors = append(authors, viewerID)
	}
	return authors
}
