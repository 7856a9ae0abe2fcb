package graph

import (
	"context"

	"roost/events"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/live"
	"roost/loaders"
)

// atEnd reports whether a page starts at an end of its list, so that the list does not go on against the direction of reading.
func atEnd(w cursors.Window) bool {
	whole := cursors.Whole(1)
	if w.Backward {
		return w.Below == whole.Below
	}
	return w.Above == whole.Above
}

// opposing returns the window of one item that shows whether the list goes on against the direction of reading. The page does not
// start at that end of the list.
func opposing(w cursors.Window, page cursors.Page[sqldb.Row]) cursors.Window {
	whole := cursors.Whole(1)
	if w.Backward {
		whole.Above = w.Below + 1
		if len(page.Items) > 0 {
			whole.Above = page.Items[len(page.Items)-1].SortKey
		}
		return whole
	}
	whole.Backward, whole.Below = true, w.Above-1
	if len(page.Items) > 0 {
		whole.Below = page.Items[0].SortKey
	}
	return whole
}

// pageOf reads a page of a list. Of tweets it has none that is not visible any more.
func pageOf(ctx context.Context, c model.Connection) (page, error) {
	switch {
	case c.Nothing:
		return page{}, nil
	case ofTweets[c.List]:
		return visiblePage(ctx, c)
	default:
		return storedPage(ctx, c)
	}
}

// ofTweets are the lists whose items are tweets.
var ofTweets = map[cursors.Kind]bool{cursors.Home: true, cursors.Timeline: true, cursors.Hashtag: true, cursors.Newest: true,
	cursors.Oldest: true, cursors.Relevant: true}

// storedPage reads a page of a list from SQL.
func storedPage(ctx context.Context, c model.Connection) (page, error) {
	return load(ctx, pagesOf[c.List], sqldb.Key{Owner: c.Owner, Window: c.Window, Kinds: c.Kinds, Matching: c.Matching})
}

// pagesOf are the questions for pages of lists.
var pagesOf = map[cursors.Kind]*loaders.Question[sqldb.Key, page]{
	cursors.Followers: loaders.FollowersPage, cursors.Following: loaders.FollowingPage,
	cursors.Retweets: loaders.RetweetsPage, cursors.Hashtag: loaders.HashtagPage,
	cursors.Newest: loaders.RepliesPage, cursors.Oldest: loaders.RepliesPage, cursors.Relevant: loaders.RepliesPage,
	cursors.Home: loaders.HomePage, cursors.Timeline: loaders.TimelinePage,
}

// itemsOf is pageOf for fields that need only the items: a page of size 0 has none.
func itemsOf(ctx context.Context, c model.Connection) ([]sqldb.Row, error) {
	if c.Window.Size == 0 {
		return nil, nil
	}
	p, err := pageOf(ctx, c)
	return p.Items, err
}

type pageInfos struct{ *Resolver }

// PageInfo resolves the position of a page.
func (r *Resolver) PageInfo() generated.PageInfoResolver { return pageInfos{r} }

func (pageInfos) HasNextPage(ctx context.Context, obj *model.PageInfo) (bool, error) {
	if obj.Found != nil {
		p, err := foundOf(ctx, obj.Found)
		return p.more, err
	}
	return goesOn(ctx, obj.Connection, obj.Window.Backward)
}

func (pageInfos) HasPreviousPage(ctx context.Context, obj *model.PageInfo) (bool, error) {
	if obj.Found != nil {
		return continues(obj.Found), nil
	}
	return goesOn(ctx, obj.Connection, !obj.Window.Backward)
}

// goesOn reports whether a list goes on beyond one end of a page: in the direction of reading, or against it, which may cost another
// page.
func goesOn(ctx context.Context, c model.Connection, against bool) (bool, error) {
	if c.Nothing || against && atEnd(c.Window) {
		return false, nil
	}
	p, err := pageOf(ctx, c)
	if err != nil || !against {
		return p.More, err
	}
	c.Window = opposing(c.Window, p)
	other, err := storedPage(ctx, c)
	return len(other.Items) > 0, err
}

func (pageInfos) StartCursor(ctx context.Context, obj *model.PageInfo) (*string, error) {
	if obj.Found != nil {
		return foundCursor(ctx, obj.Found, func(all []string) string { return all[0] })
	}
	return cursorAt(ctx, obj.Connection, func(items []sqldb.Row) sqldb.Row { return items[0] })
}

func (pageInfos) EndCursor(ctx context.Context, obj *model.PageInfo) (*string, error) {
	if obj.Found != nil {
		return foundCursor(ctx, obj.Found, func(all []string) string { return all[len(all)-1] })
	}
	return cursorAt(ctx, obj.Connection, func(items []sqldb.Row) sqldb.Row { return items[len(items)-1] })
}

// cursorAt returns the cursor of an item of a page, nil if the page has no items.
func cursorAt(ctx context.Context, c model.Connection, pick func(items []sqldb.Row) sqldb.Row) (*string, error) {
	p, err := pageOf(ctx, c)
	if err != nil || len(p.Items) == 0 {
		return nil, err
	}
	cursor := cursors.Encode(c.List, pick(p.Items).SortKey)
	return &cursor, nil
}

// eventCursor is the cursor of a position in the log, which may be 0.
func eventCursor(position events.Position) string {
	return cursors.Encode(cursors.Events, int64(position)+1)
}

// changeCursor is the cursor of a change. If more changes of the same event follow, it is within the event.
func changeCursor(c live.Change) string {
	if !c.More {
		return eventCursor(c.At)
	}
	return cursors.EncodePart(cursors.Events, int64(c.At)+1, c.Part+1)
}

// seen is what a client has seen of the log: everything up to a position, and the first parts of the event that ends at another
// position, if the client has seen some of its parts.
type seen struct {
	upTo   events.Position
	within events.Position // 0 if there is no such event
	parts  int
}

// covers reports whether the client has seen a change.
func (s seen) covers(c live.Change) bool {
	return s.upTo.Covers(c.At) || s.parts > 0 && s.within == c.At && c.Reset == live.NoReset && c.Part < s.parts
}

// seenBy reads an event cursor. One of a release whose positions had no epochs belongs to the epoch of now. Anything else is a BAD_REQUEST
// with the reason BAD_CURSOR.
func seenBy(cursor string, now events.Position) (s seen, err error) {
	number, parts, err := cursors.DecodePart(cursors.Events, cursor)
	at := events.Position(number - 1)
	if err != nil || parts > 0 && at.Seq() == 0 {
		return s, errs.New(errs.BadRequest, "`after` is not a cursor of timeline events").Because(errs.ReasonBadCursor)
	}
	if at.Epoch() == 0 {
		at = events.At(now.Epoch(), at.Seq())
	}
	if parts == 0 {
		return seen{upTo: at}, nil
	}
	return seen{upTo: events.At(at.Epoch(), at.Seq()-1), within: at, parts: parts}, nil
}
