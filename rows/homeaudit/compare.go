package homeaudit

import (
	"context"

	"roost/domain/timelines"
	"roost/internal/cursors"
	"roost/internal/moment"
)

// view is the newest part of a home timeline, newest first.
type view struct {
	entries []timelines.Entry
	// reach is the sort key down to which it has all entries.
	reach int64
	// authors are those whose entries the timeline contains, and version the version of the list of those whom the viewer follows.
	authors []int64
	version int64
}

func newView(viewer int64, followed *timelines.Followed) view {
	v := view{authors: timelines.HomeAuthors(viewer, followed)}
	if followed != nil {
		v.version = followed.Version
	}
	return v
}

// stored reads the newest entries of a timeline from SQL.
func (a *Auditor) stored(ctx context.Context, viewer int64, depth int) (view, error) {
	followed, err := a.timelines.Followed(ctx, []int64{viewer})
	if err != nil {
		return view{}, err
	}
	v := newView(viewer, followed[viewer])
	page, err := a.timelines.ExactHome(ctx, v.authors, cursors.Whole(depth))
	if v.entries = page.Items; page.More && len(v.entries) > 0 {
		v.reach = v.entries[len(v.entries)-1].SortKey
	}
	return v, err
}

// derived reads the newest entries of a timeline as queries do, page by page, without the tweets that are not visible.
func (a *Auditor) derived(ctx context.Context, viewer int64, depth int) (view, error) {
	ctx, _ = moment.With(ctx)
	followed, err := a.rows.Followed.Load(ctx, []int64{viewer})
	if err != nil {
		return view{}, err
	}
	v := newView(viewer, followed[viewer])
	v.authors = a.rows.HomeAuthors(viewer, followed[viewer])
	for w := cursors.Whole(cursors.MaxSize); ; w.Above = v.reach {
		w.Size = min(cursors.MaxSize, depth-len(v.entries))
		page, err := a.rows.HomePage(ctx, viewer, v.authors, w)
		if err != nil {
			return v, err
		}
		asked := make([]int64, len(page.Items))
		for i, e := range page.Items {
			asked[i] = e.Item
		}
		found, err := a.rows.Tweets.Load(ctx, asked)
		if err != nil {
			return v, err
		}
		for _, e := range page.Items {
			if a.rows.VisibleTweet(found[e.Item]) != nil {
				v.entries = append(v.entries, e)
			}
		}
		if !page.More || len(page.Items) == 0 {
			v.reach = 0
			return v, nil
		}
		if v.reach = page.Items[len(page.Items)-1].SortKey; len(v.entries) >= depth {
			return v, nil
		}
	}
}

// differences compares derived entries with those that SQL had before and after they were derived.
func differences(before, got, after view) (all []difference) {
	stale := int64(0)
	if got.version != before.version {
		stale = got.version
	}
	reach := max(before.reach, got.reach, after.reach)
	was, is := byTweet(before), byTweet(after)
	seen := make(map[int64]timelines.Entry, len(got.entries))
	for i, e := range got.entries {
		stored, known := was[e.Item]
		now, still := is[e.Item]
		_, twice := seen[e.Item]
		seen[e.Item] = e
		switch settled := stored == now; {
		case e.SortKey < reach:
		case twice, !known && !still:
			all = append(all, difference{Extra, e, timelines.Entry{}, stale})
		case settled && stored != e, settled && i > 0 && e.SortKey >= got.entries[i-1].SortKey:
			all = append(all, difference{Misplaced, e, stored, stale})
		}
	}
	for _, e := range before.entries {
		if now, still := is[e.Item]; e.SortKey < reach || !still || now != e {
			continue
		}
		switch at, ok := seen[e.Item]; {
		case !ok:
			all = append(all, difference{Missing, timelines.Entry{}, e, stale})
		case at.SortKey < reach: // else it was found above
			all = append(all, difference{Misplaced, at, e, stale})
		}
	}
	return all
}

func byTweet(v view) map[int64]timelines.Entry {
	out := make(map[int64]timelines.Entry, len(v.entries))
	for _, e := range v.entries {
		out[e.Item] = e
	}
	return out
}
