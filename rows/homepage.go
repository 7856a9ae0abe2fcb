package rows

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"roost/domain/timelines"
	"roost/internal/cursors"
)

// maxMissingLists is the most authors' lists that one page of a home timeline reads from SQL. If more are missing, the page itself
// comes from SQL as well, so that what it costs in addition is bounded; the lists that were read serve the next page. On
// PostgreSQL a list costs two to four times what its author costs in the statement of a page.
const maxMissingLists = 64

// homePages counts where pages of home timelines come from.
type homePages struct {
	*prometheus.CounterVec
	lists, missing, deeper, direct prometheus.Counter
}

func newHomePages() homePages {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "roost", Name: "home_pages_total",
		Help: "Pages of home timelines, by source: lists (the copies of authors' newest entries); and SQL, because lists were missing " +
			"(missing_lists), the page is deeper than the lists (deeper), or the process keeps no copies (sql)."}, []string{"source"})
	return homePages{v, v.WithLabelValues("lists"), v.WithLabelValues("missing_lists"), v.WithLabelValues("deeper"), v.WithLabelValues("sql")}
}

// DeriveHome makes the store derive pages of home timelines from authors' lists even if the process keeps no copies of rows, so that
// tests can read such pages. It must be called before the first read.
func (s *Store) DeriveHome() { s.deriveHome = true }

// HomePage returns a page of the home timeline that contains the tweets of the authors, which timelines.HomeAuthors returns. If the
// process keeps copies of rows, it merges the page from the authors' lists. Otherwise, and where the lists do not reach, the page
// comes from SQL. It is the same page in both cases, so a cursor of the one continues in the other.
func (s *Store) HomePage(ctx context.Context, authors []int64, w cursors.Window) (cursors.Page[timelines.Entry], error) {
	if !s.deriveHome && !s.tier.Copies() {
		s.homePages.direct.Inc()
		return s.timelines.Home(ctx, authors, w)
	}
	q := s.AuthorLists.Ask(authors)
	q.Request().MaxMisses = maxMissingLists
	s.Answer(ctx, q.Request())
	if q.Request().Err == nil && q.Request().Left > 0 {
		s.homePages.missing.Inc()
		return s.timelines.Home(ctx, authors, w)
	}
	lists := make([]timelines.AuthorList, len(authors))
	for i := range authors {
		var err error
		if lists[i], _, err = q.At(ctx, i); err != nil {
			return cursors.Page[timelines.Entry]{}, err
		}
	}
	if page, _, ok := timelines.Merge(lists, w); ok {
		s.homePages.lists.Inc()
		return page, nil
	}
	s.homePages.deeper.Inc()
	return s.timelines.Home(ctx, authors, w)
}
