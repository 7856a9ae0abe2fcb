package rows

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/domain/timelines"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// timelinePages counts where pages of users' own timelines come from.
type timelinePages struct {
	count                                       *prometheus.CounterVec
	list, missingLists, deeper, fromSQL, search prometheus.Counter
}

func newTimelinePages() timelinePages {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "roost", Name: "timeline_pages_total",
		Help: "Pages of users' own timelines, by source: list (the copy of the user's newest entries); and SQL, because the lists of too many " +
			"users were missing (missing_lists), the page is deeper than the list (deeper), the process keeps no copies (sql), or it is that of " +
			"a search (search)."},
		[]string{"source"})
	return timelinePages{v, v.WithLabelValues("list"), v.WithLabelValues("missing_lists"), v.WithLabelValues("deeper"),
		v.WithLabelValues("sql"), v.WithLabelValues("search")}
}

// TimelinesQuestion asks for pages of users' own timelines. If the process keeps copies of rows, it reads the list of each user's newest
// entries, and pages that the lists do not reach come from SQL, in one statement for each page size and direction. The pages are the
// same in all cases, so a cursor of the one continues in the other. Pages of searches always come from SQL; if they cannot be read, the
// others are answered all the same. It must not be used
// concurrently.
type TimelinesQuestion struct {
	store *Store
	keys  []sqldb.Key
	lists *Question[int64, timelines.AuthorList] // nil if lists are not used
	// listed are the indexes of the keys that lists can answer, in their order, and searched those of all others, which are searches.
	listed, searched []int

	complete bool
	pages    []cursors.Page[timelines.Entry] // by index
	// err is why pages are missing, and searchErr why those of searches are.
	err, searchErr error
}

// AskTimelines returns a question about pages of users' own timelines. It does not read anything.
func (s *Store) AskTimelines(keys []sqldb.Key) *TimelinesQuestion {
	q := &TimelinesQuestion{store: s, keys: keys}
	owners := make([]int64, 0, len(keys))
	for i, k := range keys {
		if k.Matching == "" {
			q.listed, owners = append(q.listed, i), append(owners, k.Owner)
		} else {
			q.searched = append(q.searched, i)
		}
	}
	if len(owners) > 0 && s.tier.Copies() {
		q.lists = s.AuthorLists.Ask(owners)
		q.lists.Request().MaxMisses = maxMissingLists
	}
	return q
}

// Request returns the question in the form that the tier takes; nil if nothing is asked of it.
func (q *TimelinesQuestion) Request() *cache.Request {
	if q.lists == nil {
		return nil
	}
	return q.lists.Request()
}

// At returns the page of the key with index i. The question must have been answered.
func (q *TimelinesQuestion) At(ctx context.Context, i int) (cursors.Page[timelines.Entry], error) {
	if !q.complete {
		q.complete, q.pages = true, make([]cursors.Page[timelines.Entry], len(q.keys))
		q.err, q.searchErr = q.finish(ctx), q.fromSQL(ctx, q.searched)
		q.store.ownPages.search.Add(float64(len(q.searched)))
	}
	err := q.err
	if q.keys[i].Matching != "" {
		err = q.searchErr
	}
	if err != nil {
		return cursors.Page[timelines.Entry]{}, err
	}
	return q.pages[i], nil
}

// finish makes the pages that are not searches from the lists, or reads them from SQL.
func (q *TimelinesQuestion) finish(ctx context.Context) error {
	count := &q.store.ownPages
	source := count.fromSQL
	if q.lists != nil {
		source = count.deeper
		if q.lists.Request().Err == nil && q.lists.Request().Left > 0 {
			source = count.missingLists
		}
	}
	rest := q.listed
	if source == count.deeper {
		var err error
		if rest, err = q.fromLists(ctx); err != nil {
			return err
		}
		count.list.Add(float64(len(q.listed) - len(rest)))
	}
	source.Add(float64(len(rest)))
	return q.fromSQL(ctx, rest)
}

// fromSQL reads the pages with some indexes.
func (q *TimelinesQuestion) fromSQL(ctx context.Context, at []int) error {
	if len(at) == 0 {
		return nil
	}
	keys := make([]sqldb.Key, len(at))
	for n, i := range at {
		keys[n] = q.keys[i]
	}
	pages, err := q.store.timelines.OfUsers(ctx, keys)
	for _, i := range at {
		q.pages[i] = pages[q.keys[i]]
	}
	return err
}

// fromLists makes pages from the lists, and returns the indexes of those for which the lists do not suffice.
func (q *TimelinesQuestion) fromLists(ctx context.Context) (rest []int, err error) {
	for n, i := range q.listed {
		k := q.keys[i]
		list, _, err := q.lists.At(ctx, n)
		if err != nil {
			return nil, err
		}
		var ok bool
		q.pages[i], ok, err = q.store.pageOf(ctx, k.Window, func(most int) (*timelines.Draft, error) {
			return list.Draft(k.Owner, k.Kinds, k.Window, most), nil
		})
		if err != nil {
			return nil, err
		}
		if !ok {
			rest = append(rest, i)
		}
	}
	return rest, nil
}
