package graph

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"roost/domain/accounts"
	"roost/domain/search"
	"roost/graph/generated"
	"roost/graph/model"
	"roost/internal/caller"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/words"
	"roost/loaders"
)

// tweetSearch is what a client asks of searchTweets.
type tweetSearch struct {
	query        string
	order        search.Order
	author       *string
	following    bool
	since, until *time.Time
	args         cursors.Args
}

// key returns the name of the page, or the refusal of a query that asks for nothing or for too much, or of paging arguments.
func (t tweetSearch) key(viewer int64) (k search.Key, err error) {
	k = search.Key{Query: t.query, Order: t.order}
	if _, err := words.Parse(t.query); err != nil {
		return k, err
	}
	if k.Size, err = sizeOf(t.args); err != nil {
		return k, err
	}
	if t.args.After != nil {
		if k.After, err = placeAt(t.order, *t.args.After); err != nil {
			return k, err
		}
	}
	if t.author != nil {
		id, ok := ids.User(*t.author)
		k.Author, k.Nothing = id, !ok
	}
	if t.following {
		k.Follower, k.Nothing = viewer, k.Nothing || viewer == 0
	}
	if t.since != nil {
		k.From = search.FirstID(*t.since)
	}
	if t.until != nil {
		k.Before = search.FirstID(*t.until)
		k.Nothing = k.Nothing || k.Before == 0
	}
	return k, nil
}

// sizeOf reads `first`.
func sizeOf(args cursors.Args) (int, error) {
	w, err := cursors.Args{First: args.First}.Window(cursors.Latest)
	return w.Size, err
}

// placeCursor is the cursor of a tweet that a search has found.
func placeCursor(order search.Order, p search.Place) string {
	if order == search.Newest {
		return cursors.Encode(cursors.Latest, p.ID)
	}
	b := []byte{p.Class}
	for _, n := range [...]int64{p.ID, p.Low, p.High} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return cursors.EncodeBody(cursors.Ranked, b)
}

// placeAt reads a cursor of placeCursor.
func placeAt(order search.Order, cursor string) (p search.Place, err error) {
	if order == search.Newest {
		p.ID, err = cursors.Decode(cursors.Latest, cursor)
		return p, err
	}
	b, err := cursors.DecodeBody(cursors.Ranked, cursor)
	if err != nil {
		return p, err
	}
	if len(b) != 25 {
		return p, cursors.NotOfList()
	}
	number := func(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }
	p = search.Place{Class: b[0], ID: number(1), Low: number(9), High: number(17)}
	inRange := p.ID > 0 && p.Low >= 0 && p.Low <= p.High && p.ID <= p.High && p.High < math.MaxInt64
	if p.Class > search.MaxClass || !inRange || (p.Class == 0) != (p.ID < p.Low) {
		return search.Place{}, cursors.NotOfList()
	}
	return p, nil
}

// userKey returns the name of a page of a search for users, or a refusal.
func userKey(query string, args cursors.Args) (k search.UserKey, err error) {
	k.Query = query
	if err := search.CheckUserQuery(query); err != nil {
		return k, err
	}
	if k.Size, err = sizeOf(args); err != nil || args.After == nil {
		return k, err
	}
	if search.IsEmptyUserQuery(query) {
		b, err := cursors.DecodeBody(cursors.MostFollowed, *args.After)
		if err != nil || len(b) != 16 {
			return k, cursors.NotOfList()
		}
		k.After = search.UserPlace{Followers: int64(binary.BigEndian.Uint64(b)), ID: int64(binary.BigEndian.Uint64(b[8:]))}
		if k.After.Followers < 0 || k.After.ID <= 0 {
			return k, cursors.NotOfList()
		}
		return k, nil
	}
	b, err := cursors.DecodeBody(cursors.Named, *args.After)
	if err != nil {
		return k, err
	}
	name, ok := accounts.NameKey(string(b))
	if !ok || name != string(b) {
		return k, cursors.NotOfList()
	}
	k.After.Name = name
	return k, nil
}

// userCursor is the cursor of a user whom a search has found.
func userCursor(query string, p search.UserPlace) string {
	if search.IsEmptyUserQuery(query) {
		return cursors.EncodeBody(cursors.MostFollowed,
			binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(p.Followers)), uint64(p.ID)))
	}
	return cursors.EncodeBody(cursors.Named, []byte(p.Name))
}

// SearchTweets names a page; its fields read it.
func (q queries) SearchTweets(ctx context.Context, query string, filter *model.TweetSearchFilter, orderBy *model.TweetSearchOrder,
	first *int32, after *string) (*model.TweetConnection, error) {
	t := tweetSearch{query: query, args: cursors.Args{First: first, After: after}}
	k, err := t.narrowed(filter, orderBy).key(caller.From(ctx).UserID())
	return &model.TweetConnection{Found: &model.TweetsFound{Key: k}}, err
}

// narrowed returns the search with a filter and an order; nil is the default.
func (t tweetSearch) narrowed(filter *model.TweetSearchFilter, orderBy *model.TweetSearchOrder) tweetSearch {
	if orderBy != nil && *orderBy == model.TweetSearchOrderNewest {
		t.order = search.Newest
	}
	if filter == nil {
		return t
	}
	t.author, t.since, t.until = filter.AuthorID.Value(), filter.Since.Value(), filter.Until.Value()
	if on := filter.FollowingOnly.Value(); on != nil {
		t.following = *on
	}
	return t
}

// SearchUsers names a page; its fields read it.
func (q queries) SearchUsers(_ context.Context, query string, first *int32, after *string) (*model.UserConnection, error) {
	k, err := userKey(query, cursors.Args{First: first, After: after})
	return &model.UserConnection{Found: model.UsersFound{UserKey: k}}, err
}

// rawTweetSearch reads arguments that gqlgen has validated but not decoded. ok is false for those that only the field itself reads.
func rawTweetSearch(raw map[string]any) (t tweetSearch, ok bool) {
	t.args = pagingArgs(raw)
	var err error
	if t.query, err = graphql.UnmarshalString(raw["query"]); err != nil {
		return t, false
	}
	if raw["orderBy"] == "NEWEST" {
		t.order = search.Newest
	}
	filter, _ := raw["filter"].(map[string]any)
	if id := filter["authorId"]; id != nil {
		global, err := graphql.UnmarshalID(id)
		if err != nil {
			return t, false
		}
		t.author = &global
	}
	t.following, _ = filter["followingOnly"].(bool)
	for name, to := range map[string]**time.Time{"since": &t.since, "until": &t.until} {
		if filter[name] == nil {
			continue
		}
		at, err := model.UnmarshalDateTime(filter[name])
		if err != nil {
			return t, false
		}
		*to = &at
	}
	return t, true
}

// checkTweetSearch refuses searches before anything is read.
func checkTweetSearch(raw map[string]any) error {
	t, ok := rawTweetSearch(raw)
	if !ok {
		return nil
	}
	_, err := t.key(0)
	return err
}

// checkUserSearch refuses searches before anything is read.
func checkUserSearch(raw map[string]any) error {
	query, err := graphql.UnmarshalString(raw["query"])
	if err != nil {
		return nil
	}
	_, err = userKey(query, pagingArgs(raw))
	return err
}

// found is a page of a search: what it has, and the cursors of that.
type found struct {
	tweets  []*model.Tweet
	users   []int64
	cursors []string
	more    bool
}

// foundOf reads a page. Tweets that are not visible any more are made up for.
func foundOf(ctx context.Context, f model.Found) (found, error) {
	switch f := f.(type) {
	case model.TweetsFound:
		return foundTweets(ctx, f.Key)
	case model.UsersFound:
		return foundUsers(ctx, f.UserKey)
	}
	return found{}, errs.NewInternal()
}

func foundTweets(ctx context.Context, k search.Key) (out found, err error) {
	for size := k.Size; ; k.Size = size - len(out.tweets) {
		p, err := load(ctx, loaders.TweetsFound, k)
		if err != nil {
			return out, err
		}
		all := make([]int64, len(p.Items))
		for i, item := range p.Items {
			all[i] = item.ID
		}
		visible, err := loadAll(ctx, loaders.TweetByID, all)
		if err != nil {
			return out, err
		}
		for i, t := range visible {
			if t != nil {
				out.tweets, out.cursors = append(out.tweets, model.TweetOf(t)), append(out.cursors, placeCursor(k.Order, p.Items[i]))
			}
		}
		if out.more = p.More; len(out.tweets) == size || !p.More {
			return out, nil
		}
		k.After = p.Items[len(p.Items)-1]
	}
}

// foundUsers reads a page without its users, whose ids are among the items.
func foundUsers(ctx context.Context, k search.UserKey) (out found, err error) {
	p, err := load(ctx, loaders.UsersFound, k)
	out.more = p.More
	for _, item := range p.Items {
		out.users, out.cursors = append(out.users, item.ID), append(out.cursors, userCursor(k.Query, item))
	}
	return out, err
}

// continues reports whether a page of a search begins after a place.
func continues(f model.Found) bool {
	switch f := f.(type) {
	case model.TweetsFound:
		return f.After != search.Place{}
	case model.UsersFound:
		return f.After != search.UserPlace{}
	}
	return false
}

func foundCursor(ctx context.Context, f model.Found, pick func(all []string) string) (*string, error) {
	p, err := foundOf(ctx, f)
	if err != nil || len(p.cursors) == 0 {
		return nil, err
	}
	cursor := pick(p.cursors)
	return &cursor, nil
}

func (p found) tweetEdges() []*model.TweetEdge {
	out := make([]*model.TweetEdge, len(p.tweets))
	for i, t := range p.tweets {
		out[i] = &model.TweetEdge{Cursor: p.cursors[i], Node: t}
	}
	return out
}

// itemsFound is foundOf for fields that need only the items: a page of size 0 has none.
func itemsFound(ctx context.Context, size int, f model.Found) (found, error) {
	if size == 0 {
		return found{}, nil
	}
	return foundOf(ctx, f)
}

type userConnections struct{ *Resolver }

// UserConnection resolves a page of users.
func (r *Resolver) UserConnection() generated.UserConnectionResolver { return userConnections{r} }

func (userConnections) Edges(ctx context.Context, obj *model.UserConnection) ([]*model.UserEdge, error) {
	p, users, err := usersFoundBy(ctx, obj.Found)
	return p.userEdges(users), err
}

func (p found) userEdges(users []*accounts.User) []*model.UserEdge {
	out := make([]*model.UserEdge, len(users))
	for i, u := range users {
		out[i] = &model.UserEdge{Cursor: p.cursors[i], Node: u}
	}
	return out
}

func (userConnections) Nodes(ctx context.Context, obj *model.UserConnection) ([]*accounts.User, error) {
	_, users, err := usersFoundBy(ctx, obj.Found)
	return users, err
}

// usersFoundBy reads a page with its users.
func usersFoundBy(ctx context.Context, f model.UsersFound) (p found, users []*accounts.User, err error) {
	if p, err = itemsFound(ctx, f.Size, f); err != nil {
		return p, nil, err
	}
	rows, err := loadAll(ctx, loaders.AccountByID, p.users)
	for _, a := range rows {
		users = append(users, a.Public())
	}
	return p, users, err
}
