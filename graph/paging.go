package graph

import (
	"context"

	"roost/events"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/loaders"
)

// pagingArgs reads paging arguments that gqlgen has validated but not decoded. It leaves out a value of a wrong type, which
// the field itself refuses.
func pagingArgs(raw map[string]any) cursors.Args {
	number := func(name string) *int32 {
		if raw[name] == nil {
			return nil
		}
		n, err := model.UnmarshalInt(raw[name])
		if err != nil {
			n = -1 // refused like -1
		}
		return &n
	}
	text := func(name string) *string {
		s, ok := raw[name].(string)
		if !ok {
			return nil
		}
		return &s
	}
	return cursors.Args{First: number("first"), After: text("after"), Last: number("last"), Before: text("before")}
}

// oppositeField is the field of PageInfo that looks against the direction of reading.
func oppositeField(w cursors.Window) string {
	if w.Backward {
		return "hasNextPage"
	}
	return "hasPreviousPage"
}

// opposing returns the window of one item that shows whether the list goes on against the direction of reading. ok is false
// when the page starts at that end of the list.
func opposing(w cursors.Window, page cursors.Page[sqldb.Row]) (cursors.Window, bool) {
	whole := cursors.Whole(1)
	if !w.Backward {
		if w.Above == whole.Above {
			return whole, false
		}
		whole.Backward, whole.Below = true, w.Above-1
		if len(page.Items) > 0 {
			whole.Below = page.Items[0].SortKey
		}
		return whole, true
	}
	if w.Below == whole.Below {
		return whole, false
	}
	whole.Above = w.Below + 1
	if len(page.Items) > 0 {
		whole.Above = page.Items[len(page.Items)-1].SortKey
	}
	return whole, true
}

// pager reads a page of one list.
type pager func(ctx context.Context, w cursors.Window) (cursors.Page[sqldb.Row], error)

// pageInfo returns the position of a page in its list. read reads another page of the same list, if that is needed.
func pageInfo(kind cursors.Kind, w cursors.Window, page cursors.Page[sqldb.Row], read pager) *model.PageInfo {
	ahead := func(context.Context) (bool, error) { return page.More, nil }
	behind := func(ctx context.Context) (bool, error) {
		ow, needed := opposing(w, page)
		if !needed {
			return false, nil
		}
		other, err := read(ctx, ow)
		return len(other.Items) > 0, err
	}
	info := &model.PageInfo{Next: ahead, Previous: behind}
	if w.Backward {
		info.Next, info.Previous = behind, ahead
	}
	if n := len(page.Items); n > 0 {
		first, last := cursors.Encode(kind, page.Items[0].SortKey), cursors.Encode(kind, page.Items[n-1].SortKey)
		info.StartCursor, info.EndCursor = &first, &last
	}
	return info
}

// readPage reads a page of an owner's list through a loader, if the connection that is being resolved needs it, and returns
// the pager of the list.
func readPage(ctx context.Context, pages *loaders.Pages, owner int64, connection string, w cursors.Window,
) (cursors.Page[sqldb.Row], pager, error) {
	read := func(ctx context.Context, w cursors.Window) (cursors.Page[sqldb.Row], error) {
		return load(ctx, pages, sqldb.Key{Owner: owner, Window: w})
	}
	if !planOf(ctx).readsPage(selected(ctx), connection, w) {
		return cursors.Page[sqldb.Row]{}, read, nil
	}
	page, err := read(ctx, w)
	return page, read, err
}

type pageInfos struct{ *Resolver }

// PageInfo resolves the fields that may cost a statement.
func (r *Resolver) PageInfo() generated.PageInfoResolver { return pageInfos{r} }

func (pageInfos) HasNextPage(ctx context.Context, obj *model.PageInfo) (bool, error) {
	return obj.Next(ctx)
}

func (pageInfos) HasPreviousPage(ctx context.Context, obj *model.PageInfo) (bool, error) {
	return obj.Previous(ctx)
}

// eventCursor is the cursor of a position in the log, which may be 0.
func eventCursor(position events.Position) string {
	return cursors.Encode(cursors.Events, int64(position)+1)
}

// positionOf reads an event cursor. Anything else is a BAD_REQUEST with the reason BAD_CURSOR.
func positionOf(cursor string) (events.Position, error) {
	number, err := cursors.Decode(cursors.Events, cursor)
	if err != nil {
		return 0, errs.New(errs.BadRequest, "`after` is not a cursor of timeline events").Because(errs.ReasonBadCursor)
	}
	return events.Position(number - 1), nil
}
