package rows

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/cache/local"
	"roost/domain/timelines"
	"roost/internal/cursors"
)

// maxMissingLists is the most authors' lists that one page of a home timeline reads from SQL. If more are missing, the page itself
// comes from SQL as well, so that what it costs in addition is bounded; the lists that were read serve the next page. On
// PostgreSQL a list costs two to four times what its author costs in the statement of a page.
const maxMissingLists = 64

// The lists that are kept for viewers, one for each.
const (
	// homeBytes bounds them: some 7,000 lists of viewers who follow 20 people.
	homeBytes = 8 << 20
	// typicalHome is about what one takes, in bytes.
	typicalHome = 1 << 10
	// maxNotes is how many notes of the journal a kept list is checked against, for each author in it and in addition to minNotes. With
	// more notes it is cheaper to make the list again.
	maxNotes, minNotes = 2, 64
)

// homeList is the list from which the pages of one viewer's home timeline are made: the combined lists of all of its authors. It is
// right as long as no note of the journal since position concerns one of the authors.
type homeList struct {
	authors  []int64 // as they were asked for: ascending, but for the last one
	list     timelines.AuthorList
	position uint64
	until    time.Time
}

// concerns reports whether the timeline contains tweets of an author.
func (l *homeList) concerns(author int64) bool {
	last := len(l.authors) - 1
	if l.authors[last] == author {
		return true
	}
	_, found := slices.BinarySearch(l.authors[:last], author)
	return found
}

// homePages derives pages of home timelines, and counts where pages come from.
type homePages struct {
	tier    homeTier
	always  bool // derives pages also without copies, for tests
	journal journal
	kept    *local.Store[int64, homeList] // by viewer

	count                                     *prometheus.CounterVec
	own, lists, missingLists, deeper, fromSQL prometheus.Counter
}

// homeTier is what the derivation of home pages needs of a cache.Tier.
type homeTier interface {
	Load(ctx context.Context, reqs ...*cache.Request) error
	Copies() bool
	Settled(ctx context.Context) bool
}

func newHomePages(tier *cache.Tier) (*homePages, error) {
	kept, err := local.New[int64](local.Config[homeList]{Entity: "home", MaxBytes: homeBytes, Typical: typicalHome,
		Cost: func(l homeList) int { return 8*len(l.authors) + len(l.list.SortKeys) }})
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "roost", Name: "home_pages_total",
		Help: "Pages of home timelines, by source: kept (a list that was made for the viewer earlier), lists (the copies of authors' newest " +
			"entries); and SQL, because lists were missing (missing_lists), the page is deeper than the lists (deeper), or the process keeps " +
			"no copies (sql)."}, []string{"source"})
	h := &homePages{tier: tier, kept: kept, count: v, own: v.WithLabelValues("kept"), lists: v.WithLabelValues("lists"),
		missingLists: v.WithLabelValues("missing_lists"), deeper: v.WithLabelValues("deeper"), fromSQL: v.WithLabelValues("sql")}
	tier.NoteDrops(h.dropped)
	return h, err
}

// dropped notes that a copy was dropped; all copies if the key is empty.
func (h *homePages) dropped(key string) {
	if key == "" {
		h.journal.noteAll()
	} else if author, ok := authorListKeys.from(key); ok {
		h.journal.note(author)
	}
}

// HomePage returns a page of a viewer's home timeline, which contains the tweets of the authors that timelines.HomeAuthors returns. If
// the process keeps copies of rows, it merges the page from the authors' lists, and keeps the merged list for the viewer's next page.
// Otherwise, and where the lists do not reach, the page comes from SQL. It is the same page in all cases, so a cursor of the one
// continues in the other. Nobody may change authors from now on.
func (s *Store) HomePage(ctx context.Context, viewer int64, authors []int64, w cursors.Window) (cursors.Page[timelines.Entry], error) {
	h := s.home
	if len(authors) == 0 || !h.always && !h.tier.Copies() {
		h.fromSQL.Inc()
		return s.timelines.Home(ctx, authors, w)
	}
	if page, ok := h.keptPage(ctx, viewer, authors, w); ok {
		h.own.Inc()
		return page, nil
	}
	position := h.journal.position() // noted before the lists are read
	q := s.AuthorLists.Ask(authors)
	q.Request().MaxMisses = maxMissingLists
	_ = h.tier.Load(ctx, q.Request()) // At returns its error
	if q.Request().Err == nil && q.Request().Left > 0 {
		h.missingLists.Inc()
		return s.timelines.Home(ctx, authors, w)
	}
	lists := make([]timelines.AuthorList, len(authors))
	for i := range authors {
		var err error
		if lists[i], _, err = q.At(ctx, i); err != nil {
			return cursors.Page[timelines.Entry]{}, err
		}
	}
	if q.Request().Copied && slices.IsSorted(authors[:len(authors)-1]) {
		h.kept.Put(viewer, homeList{authors, timelines.Combine(lists), position, q.Request().Until})
	}
	if page, _, ok := timelines.Merge(lists, w); ok {
		h.lists.Inc()
		return page, nil
	}
	h.deeper.Inc()
	return s.timelines.Home(ctx, authors, w)
}

// sameAuthors reports whether two lists are equal. It compares nothing if they are one slice, as they are for a viewer who has followed and
// unfollowed nobody meanwhile. Neither list is empty.
func sameAuthors(a, b []int64) bool {
	return len(a) == len(b) && &a[0] == &b[0] || slices.Equal(a, b)
}

// keptPage returns a page from the list that is kept for a viewer, if the list is still right and reaches far enough.
func (h *homePages) keptPage(ctx context.Context, viewer int64, authors []int64, w cursors.Window,
) (page cursors.Page[timelines.Entry], ok bool) {
	l, ok := h.kept.Get(viewer)
	if !ok || !time.Now().Before(l.until) || !sameAuthors(l.authors, authors) || !h.tier.Settled(ctx) {
		return page, false
	}
	most := min(minNotes+maxNotes*len(authors), journalSize/2)
	now, unchanged := h.journal.unchanged(l.position, most, l.concerns)
	if !unchanged {
		return page, false
	}
	if now-l.position > minNotes/2 { // the next page need not look at these notes
		l.position = now
		h.kept.Put(viewer, l)
	}
	page, _, ok = timelines.Merge([]timelines.AuthorList{l.list}, w)
	return page, ok
}
