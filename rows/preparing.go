package rows

import (
	"context"
	"errors"

	"roost/cache"
	"roost/domain/timelines"
	"roost/internal/faults"
	"roost/internal/sqldb"
)

// prepareLater makes a snapshot in the background, if reason says that there is no usable one.
func (s *Store) prepareLater(viewer int64, followed *timelines.Followed, stored cache.Stored, reason error) {
	if reason == building || reason == noMark {
		return
	}
	before := ""
	if len(stored.Elements) > 0 {
		before = stored.Elements[0][:min(len(stored.Elements[0]), timelines.PreparedPrefix)]
	}
	p := s.prepared
	if !p.builds.run(viewer, func() {
		ctx, cancel := context.WithTimeout(sqldb.Background(context.Background()), buildTimeout)
		defer cancel()
		outcome, err := s.prepare(ctx, viewer, followed, before)
		if err != nil {
			outcome = "failed"
		}
		p.built.WithLabelValues(outcome).Inc()
	}) {
		p.built.WithLabelValues("busy").Inc()
	}
}

// errBehind reports that the follower has not reached the mark.
var errBehind = errors.New("this node is behind the prepared timelines")

// prepare makes the snapshot of a viewer's prepared timeline. An event may be committed at any time meanwhile; it is in the lists of the
// authors, or it is pushed after the list began, or both:
//
//  1. The list begins. From then on it collects what is pushed.
//  2. Who is merged is read. If an author becomes merged later, the list collects a record of that.
//  3. The follower catches up. So every read shows everything up to the position that it reaches, and the mark of step 1 is below.
//  4. The lists of the authors are read. Records up to the position of step 3 change nothing.
//  5. The snapshot replaces the element with which the list began, if that is still there.
func (s *Store) prepare(ctx context.Context, viewer int64, followed *timelines.Followed, before string) (outcome string, err error) {
	began := timelines.BuildingElement(timelines.NewPreparedID())
	mark, ok, err := s.prepared.lists.Begin(ctx, viewer, before, began, buildTimeout)
	if err != nil || !ok {
		return "lost", err
	}
	authors := timelines.HomeAuthors(viewer, followed)
	authors = authors[:len(authors)-1] // without the viewer
	merged, err := s.timelines.MergedAmong(ctx, authors)
	if err != nil {
		return "", err
	}
	if err := s.CatchUp(ctx); err != nil {
		return "", err
	}
	position := s.follower.Position()
	if position.Epoch() != mark.Epoch || position.Seq() < mark.Seq {
		return "", errBehind
	}
	faults.At("timelines.before-snapshot")
	found, err := s.AuthorLists.Load(ctx, authors)
	if err != nil {
		return "", err
	}
	lists := make([]timelines.AuthorList, len(authors))
	for i, author := range authors {
		lists[i] = found[author]
	}
	snapshot := timelines.NewPrepared(mark.Generation, followed.Version, position.Seq(), authors, lists, merged)
	ok, err = s.prepared.lists.Finish(ctx, viewer, began, snapshot.Element(), preparedFor)
	if err != nil || !ok {
		return "lost", err
	}
	return "finished", nil
}

// keepLater makes a prepared timeline last, in the background.
func (p *preparedHomes) keepLater(viewer int64) {
	p.builds.run(viewer, func() {
		_ = p.lists.Keep(context.Background(), viewer, preparedFor) // on an error the next page tries again
	})
}
