package rows

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"

	"roost/domain/follows"
	"roost/domain/retweets"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/internal/cursors"
)

// oracle is what home timelines are, in the simplest form.
type oracle struct {
	follows  map[follows.Edge]bool
	tweets   []timelines.Post // oldest first
	retweets []retweet        // oldest first, also of tweets that were deleted
	parents  map[int64]int64  // the author of the tweet that a reply answers, by reply, also of those that were deleted
}

type retweet struct {
	retweets.Retweet
	authorID int64
}

// inHome reports whether a viewer's home timeline has what a user adds to it.
func (o *oracle) inHome(viewer, user int64) bool {
	return user == viewer || o.follows[follows.Edge{FollowerID: viewer, FolloweeID: user}]
}

// ownPlace reports whether a viewer's home timeline has a tweet at its own place.
func (o *oracle) ownPlace(viewer, tweet, author int64) bool {
	parent, isReply := o.parents[tweet]
	return o.inHome(viewer, author) && (!isReply || o.inHome(viewer, parent))
}

func (o *oracle) page(viewer int64, w cursors.Window) (page []timelines.Entry, more bool) {
	var all []timelines.Entry
	authors := map[int64]int64{} // of the tweets that there are
	for _, p := range o.tweets {
		authors[p.TweetID] = p.AuthorID
		if o.ownPlace(viewer, p.TweetID, p.AuthorID) {
			all = append(all, timelines.Entry{SortKey: p.TweetID, Item: p.TweetID})
		}
	}
	brought := map[int64]bool{}
	for _, r := range o.retweets {
		author, ok := authors[r.TweetID]
		if ok && o.inHome(viewer, r.UserID) && !o.ownPlace(viewer, r.TweetID, author) && !brought[r.TweetID] {
			brought[r.TweetID] = true
			all = append(all, timelines.Entry{SortKey: r.SortKey, Item: r.TweetID, By: r.UserID})
		}
	}
	return cut(all, w)
}

// cut returns the page of a window.
func cut(all []timelines.Entry, w cursors.Window) (page []timelines.Entry, more bool) {
	slices.SortFunc(all, func(a, b timelines.Entry) int { return cmp.Compare(a.SortKey, b.SortKey) })
	for _, e := range all {
		if e.SortKey > w.Below && e.SortKey < w.Above {
			page = append(page, e)
		}
	}
	more = len(page) > w.Size
	switch {
	case more && w.Backward:
		page = page[:w.Size]
	case more:
		page = page[len(page)-w.Size:]
	}
	slices.Reverse(page)
	return page, more
}

// window returns a random window, which often begins at a tweet or a retweet, also at one that is deleted.
func (o *oracle) window(dice *rand.Rand, ever []timelines.Post) cursors.Window {
	w := cursors.Whole(dice.IntN(12))
	w.Backward = dice.IntN(4) == 0
	at := int64(0)
	if len(ever) > 0 && dice.IntN(3) > 0 {
		at = ever[dice.IntN(len(ever))].TweetID
	}
	if len(o.retweets) > 0 && dice.IntN(4) == 0 {
		at = o.retweets[dice.IntN(len(o.retweets))].SortKey
	}
	switch {
	case at != 0 && w.Backward:
		w.Below = at
	case at != 0:
		w.Above = at
	}
	return w
}

// own is a page of a user's own timeline.
func (o *oracle) own(user int64, kinds uint8, w cursors.Window) (page []timelines.Entry, more bool) {
	var all []timelines.Entry
	there := map[int64]bool{}
	for _, p := range o.tweets {
		there[p.TweetID] = true
		kind := timelines.OwnTweets
		if parent, isReply := o.parents[p.TweetID]; isReply && parent != user {
			kind = timelines.Replies
		}
		if p.AuthorID == user && kinds&kind != 0 {
			all = append(all, timelines.Entry{SortKey: p.TweetID, Item: p.TweetID})
		}
	}
	for _, r := range o.retweets {
		if kinds&timelines.Retweets != 0 && r.UserID == user && r.authorID != user && there[r.TweetID] {
			all = append(all, timelines.Entry{SortKey: r.SortKey, Item: r.TweetID, By: user})
		}
	}
	return cut(all, w)
}

// do does something at random, and notes what it changes.
func (o *oracle) do(ctx context.Context, n node, dice *rand.Rand, ever *[]timelines.Post, user, other int64) (what string, err error) {
	switch at := dice.IntN(30); {
	case at < 13 || len(o.tweets) == 0:
		author := user
		if at < 10 && len(*ever) > 0 {
			author = (*ever)[0].AuthorID // so much by one that the author's list does not hold all of it
		}
		draft := tweets.Draft{Text: "hello"}
		if len(o.tweets) > 0 && dice.IntN(3) == 0 {
			draft.InReplyTo = o.tweets[dice.IntN(len(o.tweets))].TweetID
		}
		tweet, err := n.tweets.PostDraft(ctx, author, draft)
		if err == nil {
			if draft.InReplyTo != 0 {
				o.parents[int64(tweet.ID)] = tweet.ParentAuthorID
			}
			p := timelines.Post{TweetID: int64(tweet.ID), AuthorID: author}
			at, _ := slices.BinarySearchFunc(o.tweets, p, func(a, b timelines.Post) int { return int(a.TweetID - b.TweetID) })
			o.tweets, *ever = slices.Insert(o.tweets, at, p), append(*ever, p)
		}
		return "a tweet", err
	case at >= 24:
		of := o.tweets[dice.IntN(len(o.tweets))]
		made, now, err := n.retweets.Retweet(ctx, user, of.TweetID)
		if err == nil && now != nil {
			r := retweet{made, of.AuthorID}
			at, _ := slices.BinarySearchFunc(o.retweets, r, func(a, b retweet) int { return cmp.Compare(a.SortKey, b.SortKey) })
			o.retweets = slices.Insert(o.retweets, at, r)
		}
		return "a retweet", err
	case at >= 20 && len(o.retweets) > 0:
		at := dice.IntN(len(o.retweets))
		r := o.retweets[at]
		_, _, err := n.retweets.Undo(ctx, r.UserID, r.TweetID)
		if err == nil {
			o.retweets = slices.Delete(o.retweets, at, at+1)
		}
		return "an undo", err
	case at >= 20:
		return "nothing", nil
	case at < 16:
		at := dice.IntN(len(o.tweets))
		if err := n.tweets.Delete(ctx, o.tweets[at].AuthorID, o.tweets[at].TweetID); err != nil {
			return "a deletion", err
		}
		o.tweets = slices.Delete(o.tweets, at, at+1)
		return "a deletion", nil
	case at < 19:
		err := n.follows.Follow(ctx, user, other)
		if err == nil {
			o.follows[follows.Edge{FollowerID: user, FolloweeID: other}] = true
		}
		return "a follow", err
	default:
		err := n.follows.Unfollow(ctx, user, other)
		if err == nil {
			delete(o.follows, follows.Edge{FollowerID: user, FolloweeID: other})
		}
		return "an unfollow", err
	}
}
