package rows

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/cache/local"
	"roost/domain/timelines"
	"roost/internal/cursors"
	"roost/internal/moment"
)

// maxMissingLists is the most authors' lists that one page of a home timeline reads from SQL. If more are missing, the page itself
// comes from SQL as well, so that what it costs in addition is bounded; the lists that were read serve the next page. On
// PostgreSQL a list costs two to four times what its author costs in the statement of a page.
const maxMissingLists = 64

// The lists that are kept for viewers, one for each.
const (
	// homeParts and maxHomeBytes bound them; see cache.Tier.Reserve. 8 MiB are some 7,000 lists of viewers who follow 20 people.
	homeParts, maxHomeBytes = 32, 8 << 20
	// typicalHome is about what one takes, in bytes.
	typicalHome = 1 << 10
	// maxNotes is how many notes of the journal a kept list is checked against, for each author in it and in addition to minNotes. With
	// more notes it is cheaper to make the list again.
	maxNotes, minNotes = 2, 64
)

// homeList is the list from which the pages of one viewer's home timeline are made: the combined lists of all of its authors. It is
// right as long as no note of the journal since position concerns one of the authors: each retweet and each undo changes the list of the
// user who did it, however old the tweet is.
type homeList struct {
	authors  []int64 // as they were asked for: ascending, but for the last one
	list     timelines.HomeList
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
	gone    goneTweets
	kept    *local.Store[int64, homeList] // by viewer

	count                                             *prometheus.CounterVec
	own, lists, missingLists, deeper, fromSQL, placed prometheus.Counter
	// listsMissing counts lists, missingLists pages.
	listsMissing prometheus.Counter
}

// homeTier is what the derivation of home pages needs of a cache.Tier.
type homeTier interface {
	Load(ctx context.Context, reqs ...*cache.Request) error
	Copies() bool
	Settled(ctx context.Context) bool
}

func newHomePages(tier *cache.Tier) (*homePages, error) {
	kept, err := local.New[int64](local.Config[homeList]{Entity: "home", Typical: typicalHome,
		MaxBytes: tier.Reserve(homeParts, minKept, maxHomeBytes),
		Cost:     func(l homeList) int { return 8*len(l.authors) + l.list.Bytes() }})
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "roost", Name: "home_pages_total",
		Help: "Pages of home timelines, by source: kept (a list that was made for the viewer earlier), lists (the copies of authors' newest " +
			"entries); and SQL, because lists were missing or had a reply without its " +
			"parent (missing_lists), the page is deeper than the lists (deeper), or the process keeps " +
			"no copies (sql)."}, []string{"source"})
	placed := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "roost", Name: "home_places_total",
		Help: "Statements for the places of retweets whose tweets are older than the lists of a home timeline's authors reach."})
	listsMissing := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "roost", Name: "home_lists_missing_total",
		Help: "Lists of authors' newest entries that pages of home timelines needed and the cache did not have. Of each page up to 64 of them " +
			"are read from SQL."})
	h := &homePages{tier: tier, kept: kept, count: v, listsMissing: listsMissing,
		own: v.WithLabelValues("kept"), lists: v.WithLabelValues("lists"),
		missingLists: v.WithLabelValues("missing_lists"), deeper: v.WithLabelValues("deeper"),
		fromSQL: v.WithLabelValues("sql"), placed: placed}
	tier.NoteDrops(h.dropped)
	return h, err
}

// dropped notes that a copy was dropped; all copies if the key is empty.
func (h *homePages) dropped(key string) {
	if key == "" {
		h.journal.noteAll()
		h.gone.forget()
	} else if author, ok := authorListKeys.from(key); ok {
		h.journal.note(author)
	}
}

// HomePage returns a page of a viewer's home timeline, which contains what the authors that HomeAuthors returns add to it. If
// the process keeps copies of rows, it merges the page from the authors' lists, and keeps the merged list for the viewer's next page.
// Otherwise, and where the lists do not reach, the page comes from SQL. With Prepare, the viewer's prepared timeline is looked at
// before the authors' lists. It is the same page in all cases, so a cursor of the one
// continues in the other. Nobody may change authors from now on.
//
// A page from lists may contain a retweet of a tweet that was deleted, as long as the process has not read the tweet's row since.
// Retweets of tweets that it has read as deleted are left out: half as many entries again as the page shows are looked at, and many more
// if these do not suffice. From SQL there are only visible tweets.
func (s *Store) HomePage(ctx context.Context, viewer int64, authors []int64, w cursors.Window) (cursors.Page[timelines.Entry], error) {
	return s.HomePageWithAuthors(ctx, viewer, authors, w, func(func() map[int64]int64) {})
}

// HomePageWithAuthors is HomePage. If it has merged the page from authors' lists, it calls note with a function that returns the authors
// of the page's tweets by tweet, so that the tweets and their authors can be read together.
func (s *Store) HomePageWithAuthors(ctx context.Context, viewer int64, authors []int64, w cursors.Window,
	note func(find func() map[int64]int64)) (cursors.Page[timelines.Entry], error) {
	h := s.home
	if len(authors) == 0 || !slices.IsSorted(authors[:len(authors)-1]) {
		h.fromSQL.Inc()
		return s.timelines.Home(ctx, authors, w)
	}
	var list *timelines.HomeList
	var kept bool
	copies := h.always || h.tier.Copies()
	if copies {
		list, kept = h.keptList(ctx, viewer, authors)
	}
	if !kept && s.prepared.wants(viewer, copies) {
		if page, ok := s.preparedPage(ctx, viewer, authors, w, note); ok {
			return page, nil
		}
	}
	if !copies {
		h.fromSQL.Inc()
		return s.timelines.Home(ctx, authors, w)
	}
	if kept {
		page, ok, err := s.pageOf(ctx, w, func(most int) (*timelines.Draft, error) { return list.Draft(w, most), nil })
		if ok || err != nil {
			h.own.Inc()
			return page, err
		}
	}
	position := h.journal.position() // noted before the lists are read
	q := s.AuthorLists.Ask(authors)
	q.Request().MaxMisses = maxMissingLists
	_ = h.tier.Load(ctx, q.Request()) // At returns its error
	h.listsMissing.Add(float64(q.Request().Missing))
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
	if q.Request().Copied && !kept {
		d, again, err := s.draftOf(ctx, authors, lists, cursors.Whole(timelines.MaxAuthorEntries), timelines.Overread(timelines.MaxAuthorEntries))
		switch {
		case err != nil && !errors.Is(err, errOrphans):
			return cursors.Page[timelines.Entry]{}, err
		case err == nil && !again: // lists that were read again need not be copies
			h.kept.Put(viewer, homeList{authors, d.List(), position, q.Request().Until})
		}
	}
	page, ok, err := s.pageOf(ctx, w, func(most int) (d *timelines.Draft, err error) {
		d, _, err = s.draftOf(ctx, authors, lists, w, most)
		return d, err
	})
	if errors.Is(err, errOrphans) { // one statement has a reply and its parent, or neither
		h.missingLists.Inc()
		return s.timelines.Home(ctx, authors, w)
	}
	if ok || err != nil {
		h.lists.Inc()
		note(func() map[int64]int64 { return timelines.AuthorsOf(page.Items, authors, lists) })
		return page, err
	}
	h.deeper.Inc()
	return s.timelines.Home(ctx, authors, w)
}

// HomeMatching returns the page of those entries of a home timeline whose tweets match a search; see timelines.Timelines.HomeMatching. It
// comes from SQL, whatever the process keeps.
func (s *Store) HomeMatching(ctx context.Context, authors []int64, query string, w cursors.Window) (cursors.Page[timelines.Entry], error) {
	return s.timelines.HomeMatching(ctx, authors, query, w)
}

// sameAuthors reports whether two lists are equal. It compares nothing if they are one slice, as they are for a viewer who has followed and
// unfollowed nobody meanwhile. Neither list is empty.
func sameAuthors(a, b []int64) bool {
	return len(a) == len(b) && &a[0] == &b[0] || slices.Equal(a, b)
}

// draftOf merges authors' lists. Places of retweets that the lists do not decide are read in one statement. again and errOrphans are as in
// adopted.
func (s *Store) draftOf(ctx context.Context, authors []int64, lists []timelines.AuthorList, w cursors.Window, most int,
) (d *timelines.Draft, again bool, err error) {
	d, again, err = s.adopted(ctx, authors, lists, w, most)
	if err != nil {
		return nil, again, err
	}
	doubts, undecided := d.Doubts()
	if len(doubts) == 0 {
		return d, again, nil
	}
	s.home.placed.Inc()
	places, err := s.timelines.Places(ctx, doubts, undecided)
	d.Settle(places)
	return d, again, err
}

// maxAdoptions is how often lists of authors are read again for one page, because replies in other lists are younger.
const maxAdoptions = 4

// errOrphans reports that lists of authors show a reply without its parent, also after they were read again.
var errOrphans = errors.New("lists of authors do not have the parent of a reply")

// adopted returns a draft in which no reply is without its parent, unless that was deleted. The lists of authors are not read at one
// moment. So if the parent of a reply is missing in the list of its author, that list is read again, and put in the place of the older
// one; again is true then. The parent may be a reply whose parent is missing. The error is errOrphans if replies are still without parents
// after that was done maxAdoptions times.
func (s *Store) adopted(ctx context.Context, authors []int64, lists []timelines.AuthorList, w cursors.Window, most int,
) (d *timelines.Draft, again bool, err error) {
	for range maxAdoptions {
		d = timelines.NewDraft(authors, lists, w, most)
		orphans, err := s.orphans(ctx, d, authors, lists)
		if len(orphans) == 0 || err != nil {
			return d, again, err
		}
		moment.From(ctx).Renew()
		parents := make([]int64, len(orphans))
		for i, o := range orphans {
			parents[i] = o.ParentAuthorID
		}
		newer, err := s.AuthorLists.Load(ctx, parents)
		if err != nil {
			return nil, again, err
		}
		for i, author := range authors {
			if l, ok := newer[author]; ok {
				lists[i], again = l, true
			}
		}
	}
	return nil, again, errOrphans
}

// orphans returns the orphans of a draft whose parents were not deleted.
func (s *Store) orphans(ctx context.Context, d *timelines.Draft, authors []int64, lists []timelines.AuthorList,
) ([]timelines.Orphan, error) {
	all := slices.DeleteFunc(d.Orphans(authors, lists), func(o timelines.Orphan) bool { return s.home.gone.has(o.ParentID) })
	if len(all) == 0 {
		return nil, nil
	}
	parents := make([]int64, len(all))
	for i, o := range all {
		parents[i] = o.ParentID
	}
	found, err := s.Tweets.Load(ctx, parents)
	return slices.DeleteFunc(all, func(o timelines.Orphan) bool { t := found[o.ParentID]; return t != nil && t.Deleted }), err
}

const (
	// manyEntries is how many entries of lists are looked at if those for a page of the size that was asked for do not suffice.
	manyEntries = 4 * (cursors.MaxSize + cursors.MaxSize/2)
	// decideAtOnce is how many tweets are read together to find one that is visible.
	decideAtOnce = 16
)

// pageOf makes a page from a draft of a window. The first attempt uses about as many entries as the page needs. Another one uses many
// more, if too few of them are left, or none that is certain to follow the page. Retweets of tweets that were read as deleted are left out.
func (s *Store) pageOf(ctx context.Context, w cursors.Window, draft func(most int) (*timelines.Draft, error),
) (page cursors.Page[timelines.Entry], ok bool, err error) {
	d, err := draft(timelines.Overread(w.Size))
	if err != nil {
		return page, false, err
	}
	d.Hide(s.mayBeVisible)
	if d.Limited() && (d.Short() || d.Unsure() != nil) {
		if d, err = draft(manyEntries); err != nil {
			return page, false, err
		}
		d.Hide(s.mayBeVisible)
	}
	if unsure := d.Unsure(); unsure != nil {
		if err := s.decide(ctx, d, unsure); err != nil {
			return page, false, err
		}
	}
	page, ok = d.Page()
	return page, ok, nil
}

// mayBeVisible reports whether a tweet was not read as deleted, or as one of a user who is suspended.
func (s *Store) mayBeVisible(tweetID int64) bool {
	return !s.home.gone.has(tweetID) && s.shownAuthor(tweetID)
}

// decide reads tweets of which one has to be visible for the list to go on after the page, until it finds one.
func (s *Store) decide(ctx context.Context, d *timelines.Draft, unsure []int64) error {
	for some := range slices.Chunk(unsure, decideAtOnce) {
		found, err := s.Tweets.Load(ctx, some)
		if err != nil {
			return err
		}
		hidden := slices.DeleteFunc(slices.Clone(some), func(id int64) bool { return s.VisibleTweet(found[id]) != nil })
		d.Hide(func(id int64) bool { return !slices.Contains(hidden, id) })
		if len(hidden) < len(some) {
			break
		}
	}
	return nil
}

// keptList returns the list that is kept for a viewer, if it is still right.
func (h *homePages) keptList(ctx context.Context, viewer int64, authors []int64) (list *timelines.HomeList, ok bool) {
	l, ok := h.kept.Get(viewer)
	if !ok || !time.Now().Before(l.until) || !sameAuthors(l.authors, authors) || !h.tier.Settled(ctx) {
		return nil, false
	}
	most := min(minNotes+maxNotes*len(authors), journalSize/2)
	now, unchanged := h.journal.unchanged(l.position, most, l.concerns)
	if !unchanged {
		return nil, false
	}
	if now-l.position > minNotes/2 { // the next page need not look at these notes
		l.position = now
		h.kept.Put(viewer, l)
	}
	return &l.list, true
}
