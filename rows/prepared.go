package rows

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/cache/local"
	"roost/domain/retweets"
	"roost/domain/timelines"
	"roost/events"
	"roost/internal/cursors"
	"roost/internal/lifecycle"
)

// PreparedMode says which pages of home timelines come from prepared timelines.
type PreparedMode int8

// The modes.
const (
	// PreparedOff uses none.
	PreparedOff PreparedMode = iota
	// PreparedPolicy uses them for the first page that a viewer reads in this process. Later pages are merged from copies, which cost less
	// once the process has them. A process without copies uses prepared timelines for all pages.
	PreparedPolicy
	// PreparedAlways uses them wherever they reach.
	PreparedAlways
)

const (
	// preparedFor is how long a prepared timeline is kept after a read.
	preparedFor = 24 * time.Hour
	// maxMerged is the most authors whose own lists are merged into a prepared timeline.
	maxMerged = 64
)

// preparedHomes reads prepared timelines, and has them built. Nil is off.
type preparedHomes struct {
	mode    PreparedMode
	lists   *cache.Lists
	recent  recentChanges
	own     ownWrites
	visited *local.Store[int64, int64] // by viewer
	builds  builds
	unused  *prometheus.CounterVec
	built   *prometheus.CounterVec
	pages   prometheus.Counter
}

// Prepare makes the store use prepared timelines. It must be called before Follow, and needs the follower.
func (s *Store) Prepare(mode PreparedMode, lists *cache.Lists) error {
	if mode == PreparedOff {
		return nil
	}
	visited, err := local.New[int64](local.Config[int64]{Entity: "visited",
		MaxBytes: s.tier.Reserve(boundParts, local.MinBytes, maxBoundBytes)})
	if err != nil {
		return err
	}
	s.prepared = &preparedHomes{mode: mode, lists: lists, visited: visited, builds: builds{running: map[int64]bool{}},
		own:   ownWrites{at: map[int64]time.Time{}},
		pages: s.home.count.WithLabelValues("prepared"),
		unused: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "roost", Name: "prepared_timelines_unused_total",
			Help: "Pages of home timelines that did not come from a prepared timeline although it was looked for, by reason: absent, " +
				"building, damaged; no_mark and generation (Redis has lost it), version (the viewer follows others now), behind (the workers " +
				"are), merged (too many authors to merge), deep (it does not reach), undone (a retweet of the page), unavailable (Redis)."},
			[]string{"reason"}),
		built: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "roost", Name: "prepared_timelines_built_total",
			Help: "Snapshots of prepared timelines that this process has made, by outcome: finished, lost (somebody else or Redis has " +
				"removed it meanwhile), failed, busy (too many others were being made)."}, []string{"outcome"})}
	return nil
}

// ObservePrepared notes what this process has written, so that its readers see it at once. It is an events.Observer.
func (s *Store) ObservePrepared(committed []events.Event) {
	if s.prepared != nil {
		s.prepared.own.note(committed, time.Now())
	}
}

// wants reports whether a page of a viewer is to come from a prepared timeline.
func (p *preparedHomes) wants(viewer int64, copies bool) bool {
	if p == nil {
		return false
	}
	if p.mode == PreparedAlways || !copies {
		return true
	}
	_, visited := p.visited.Get(viewer)
	if !visited {
		p.visited.Put(viewer, 1)
	}
	return !visited
}

// unused is a reason why a page does not come from a prepared timeline.
type unused string

// Error is part of error.
func (u unused) Error() string { return string(u) }

const (
	absent      unused = "absent"
	building    unused = "building"
	damaged     unused = "damaged"
	noMark      unused = "no_mark"
	generation  unused = "generation"
	version     unused = "version"
	behind      unused = "behind"
	manyMerged  unused = "merged"
	tooDeep     unused = "deep"
	undone      unused = "undone"
	unavailable unused = "unavailable"
)

// preparedPage returns a page that comes from the viewer's prepared timeline. ok is false if it cannot.
func (s *Store) preparedPage(ctx context.Context, viewer int64, authors []int64, w cursors.Window,
	note func(find func() map[int64]int64)) (page cursors.Page[timelines.Entry], ok bool) {
	page, err := s.readPrepared(ctx, viewer, authors, w, note)
	if err == nil {
		s.prepared.pages.Inc()
		return page, true
	}
	reason, known := errors.AsType[unused](err)
	if !known {
		reason = unavailable
	}
	s.prepared.unused.WithLabelValues(string(reason)).Inc()
	return page, false
}

func (s *Store) readPrepared(ctx context.Context, viewer int64, authors []int64, w cursors.Window,
	note func(find func() map[int64]int64)) (page cursors.Page[timelines.Entry], err error) {
	known, err := s.Followed.Load(ctx, []int64{viewer})
	if err != nil {
		return page, err
	}
	followed := known[viewer]
	if followed == nil || !sameAuthors(s.HomeAuthors(viewer, followed), authors) {
		return page, version
	}
	stored, err := s.prepared.lists.Read(ctx, viewer)
	if err != nil {
		return page, err
	}
	p, err := usable(stored, followed)
	if err != nil {
		s.prepareLater(viewer, followed, stored, err)
		return page, err
	}
	if stored.Left < preparedFor/2 {
		s.prepared.keepLater(viewer)
	}
	lists, merged, err := s.withMerged(ctx, viewer, authors, p, stored.Mark)
	if err != nil {
		return page, err
	}
	page, ok, err := s.pageOf(ctx, w, func(most int) (d *timelines.Draft, err error) {
		d, _, err = s.draftOf(ctx, authors, lists, w, most)
		return d, err
	})
	switch {
	case err != nil:
		return page, err
	case !ok:
		return page, tooDeep
	}
	if err := s.checkRetweets(ctx, page.Items, merged); err != nil {
		return page, err
	}
	note(func() map[int64]int64 { return timelines.AuthorsOf(page.Items, authors, lists) })
	return page, nil
}

// usable returns a prepared timeline that is the viewer's as of the mark.
func usable(stored cache.Stored, followed *timelines.Followed) (*timelines.Prepared, error) {
	if stored.Mark.Generation == "" {
		return nil, noMark
	}
	if len(stored.Elements) == 0 {
		return nil, absent
	}
	p, err := timelines.ReadPrepared(stored.Elements)
	switch {
	case err != nil:
		return nil, damaged
	case p.Building:
		return nil, building
	case p.Generation != stored.Mark.Generation:
		return nil, generation
	case p.Version != followed.Version:
		return nil, version
	}
	return p, nil
}

// withMerged returns the lists of a prepared timeline, with the authors' own lists in the place of those that it does not have, or may not
// have completely. Among these is the viewer's, so that viewers see at once what they write. It also returns who was merged.
func (s *Store) withMerged(ctx context.Context, viewer int64, authors []int64, p *timelines.Prepared, mark cache.Mark,
) (lists []timelines.AuthorList, merged []int64, err error) {
	changed, ok := s.prepared.recent.since(s.follower.Position(), events.At(mark.Epoch, mark.Seq), authors)
	if !ok {
		return nil, nil, behind
	}
	var at []int64
	add := func(author int64) {
		if i, ok := timelines.IndexOf(authors, author); ok && !slices.Contains(merged, author) {
			merged, at = append(merged, author), append(at, int64(i))
		}
	}
	add(viewer)
	own := s.prepared.own.among(authors, time.Now())
	for _, some := range [...][]int64{own, changed, p.Merged(), mark.Except} {
		for _, author := range some {
			add(author)
		}
	}
	if len(merged) > maxMerged {
		return nil, nil, manyMerged
	}
	lists = p.Lists(authors)
	q := s.AuthorLists.Ask(merged)
	_ = s.home.tier.Load(ctx, q.Request()) // At returns its error
	for i := range merged {
		l, _, err := q.At(ctx, i)
		if err != nil {
			return nil, nil, err
		}
		lists[at[i]] = l
	}
	return lists, merged, nil
}

// checkRetweets fails if a retweet of a page has ended: its end may not have been pushed yet. Those of users who were merged are right.
func (s *Store) checkRetweets(ctx context.Context, page []timelines.Entry, merged []int64) error {
	pushed := func(e timelines.Entry) bool { return e.By != 0 && !slices.Contains(merged, e.By) }
	var keys []retweets.Key
	for _, e := range page {
		if pushed(e) {
			keys = append(keys, retweets.Key{TweetID: e.Item, UserID: e.By})
		}
	}
	if len(keys) == 0 {
		return nil
	}
	found, err := s.Retweets.Load(ctx, keys)
	if err != nil {
		return err
	}
	for _, e := range page {
		if pushed(e) && found[retweets.Key{TweetID: e.Item, UserID: e.By}].SortKey != e.SortKey {
			return undone
		}
	}
	return nil
}

// Building snapshots is work in the background.
const (
	// maxBuilds is how many snapshots a process makes at once. Viewers for whom there is no room have theirs made at a later page.
	maxBuilds = 4
	// buildTimeout bounds making one, and the time for which others wait if the process is killed.
	buildTimeout = 10 * time.Second
)

// builds are the snapshots that are being made.
type builds struct {
	mu      sync.Mutex
	running map[int64]bool // by viewer
	done    sync.WaitGroup
}

// Preparing is the service of the work that pages have begun in the background. It waits for that work when it stops. It
// is nil without prepared timelines.
func (s *Store) Preparing() lifecycle.Service {
	if s.prepared == nil {
		return nil
	}
	return &s.prepared.builds
}

// Start is part of lifecycle.Service.
func (b *builds) Start(context.Context) error { return nil }

// Stop waits for what runs.
func (b *builds) Stop(context.Context) error {
	b.done.Wait()
	return nil
}

// run calls do in the background, unless it already runs for the viewer. It reports whether there was room.
func (b *builds) run(viewer int64, do func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running[viewer] {
		return true
	}
	if len(b.running) >= maxBuilds {
		return false
	}
	b.running[viewer] = true
	b.done.Go(func() {
		defer func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			delete(b.running, viewer)
		}()
		do()
	})
	return true
}
