package timelines

import (
	"context"

	"roost/domain/search"
	"roost/internal/cursors"
)

// SetMaxHits has HomeMatching place at most n tweets one by one. It must be called before anything is read.
func (t *Timelines) SetMaxHits(n int) { t.maxHits = n }

// MaxAuthored is how many entries of the index are read by their authors at most.
const MaxAuthored = maxAuthored

// SetMaxAuthored has HomeMatching read at most n entries by their authors. It must be called before anything is read.
func (t *Timelines) SetMaxAuthored(n int) { t.maxAuthored = n }

// OwnMatching returns the statement with which HomeMatching reads the first tweets of a whole home timeline, and whether it reads them by
// their authors.
func (t *Timelines) OwnMatching(ctx context.Context, query string, authors []int64, most int) (statement string, byAuthors bool, err error,
) {
	c, err := search.ConditionOf(t.db, query)
	if err != nil {
		return "", false, err
	}
	w := cursors.Whole(most)
	if byAuthors, err = t.isShorterByAuthors(ctx, c, authors, w, most); byAuthors {
		return t.byAuthors(c, authors, w, most), true, err
	}
	return t.byWords(c, authors, w, most), false, err
}
