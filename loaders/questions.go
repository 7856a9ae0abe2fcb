package loaders

import (
	"cmp"
	"context"

	"roost/domain/accounts"
	"roost/domain/counts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/search"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/internal/caller"
	"roost/internal/cursors"
	"roost/internal/sqldb"
	"roost/rows"
)

// The questions. A row that does not exist is answered with nil or a zero value, if no other answer is mentioned.
var (
	// AccountByID returns nil for an unknown id. It returns a suspended user, whom lists may contain that were read just before.
	AccountByID = &Question[int64, *accounts.Account]{
		ask: about[int64, int64, *accounts.Account, *accounts.Account]{
			func(s *rows.Store) *rows.Entity[int64, *accounts.Account] { return s.Accounts }, nil,
			asIs[int64, *accounts.Account]}.ask}
	// SessionByID returns nil for an unknown id.
	SessionByID = &Question[int64, *accounts.Session]{
		ask: about[int64, int64, *accounts.StoredSession, *accounts.Session]{
			func(s *rows.Store) *rows.Entity[int64, *accounts.StoredSession] { return s.Sessions }, nil,
			func(s *Set, _ int64, row *accounts.StoredSession, ok bool) *accounts.Session {
				if !ok {
					return nil
				}
				return s.sources.Sessions.AsOfNow(row)
			}}.ask}
	// UserIDByName ignores case. It returns 0 for a name that nobody has, and for that of a suspended user.
	UserIDByName = &Question[string, int64]{
		ask: about[string, string, accounts.NameClaim, int64]{
			func(s *rows.Store) *rows.Entity[string, accounts.NameClaim] { return s.Names },
			func(_ *caller.Caller, name string) (string, bool) { return accounts.NameKey(name) },
			func(s *Set, _ string, c accounts.NameClaim, _ bool) int64 {
				if s.Suspended(c.UserID) {
					return 0
				}
				return c.UserID
			}}.ask}
	UserCounts = &Question[int64, counts.UserCounts]{
		ask: about[int64, int64, counts.UserCounts, counts.UserCounts]{
			func(s *rows.Store) *rows.Entity[int64, counts.UserCounts] { return s.UserCounts }, nil, asIs[int64, counts.UserCounts]}.ask}
	// FollowedByMe reports whether the viewer follows a user.
	FollowedByMe = &Question[int64, bool]{ask: askFollowing}
	// FollowsMe reports whether a user follows the viewer.
	FollowsMe = &Question[int64, bool]{
		ask: about[int64, follows.Edge, follows.State, bool]{followRows, func(who *caller.Caller, id int64) (follows.Edge, bool) {
			e := follows.Edge{FollowerID: id, FolloweeID: who.UserID()}
			return e, who.UserID() != 0 && e.Possible()
		}, isActive}.ask}
	// HomeAuthors returns the users whose tweets a viewer's home timeline holds. Nobody may change the slice.
	HomeAuthors = &Question[int64, []int64]{
		ask: about[int64, int64, *timelines.Followed, []int64]{
			func(s *rows.Store) *rows.Entity[int64, *timelines.Followed] { return s.Followed }, nil,
			func(s *Set, viewer int64, f *timelines.Followed, _ bool) []int64 {
				s.followed.keep(viewer, f)
				return s.sources.Rows.HomeAuthors(viewer, f)
			}}.ask}
	// TweetByID returns nil for unknown and deleted tweets, and for those of suspended users.
	TweetByID = &Question[int64, *tweets.Tweet]{
		ask: about[int64, int64, *tweets.Tweet, *tweets.Tweet]{
			func(s *rows.Store) *rows.Entity[int64, *tweets.Tweet] { return s.Tweets }, nil,
			func(s *Set, _ int64, t *tweets.Tweet, _ bool) *tweets.Tweet { return s.sources.Rows.VisibleTweet(t) }}.ask}
	ReactionCounts = &Question[int64, *reactions.Counts]{
		ask: about[int64, int64, *reactions.Counts, *reactions.Counts]{
			func(s *rows.Store) *rows.Entity[int64, *reactions.Counts] { return s.TweetCounts }, nil,
			func(_ *Set, id int64, c *reactions.Counts, ok bool) *reactions.Counts {
				if !ok {
					return &reactions.Counts{TweetID: id}
				}
				return c
			}}.ask}
	// MyReaction returns the viewer's own reaction to a tweet.
	MyReaction = &Question[int64, reactions.Kind]{ask: askReactions}

	// HashtagByID returns a hashtag without a name if no visible tweet has it.
	HashtagByID = &Question[int64, tweets.UsedHashtag]{
		fetch: func(ctx context.Context, s *Set, ids []int64) (map[int64]tweets.UsedHashtag, error) {
			return s.sources.Rows.Hashtags(ctx, ids)
		}}
	// HashtagName returns the most common spelling of a hashtag, and the one that it is asked with if no tweet leads to the hashtag.
	HashtagName = &Question[tweets.Hashtag, string]{fetch: hashtagNames}

	// HashtagPage returns a page of the tweets with a hashtag.
	HashtagPage = &Question[sqldb.Key, cursors.Page[sqldb.Row]]{
		fetch: withoutSuspended(func(ctx context.Context, s *Set, keys []sqldb.Key) (pages, error) {
			return s.sources.Tweets.OfHashtags(ctx, keys)
		}, by, withoutBy)}
	// RetweetByID returns nil unless the retweet is active, with the sort key of the id. Its tweet need not be visible.
	RetweetByID = &Question[retweets.Retweet, *retweets.Retweet]{
		ask: about[retweets.Retweet, retweets.Key, retweets.State, *retweets.Retweet]{
			func(s *rows.Store) *rows.Entity[retweets.Key, retweets.State] { return s.Retweets },
			func(_ *caller.Caller, r retweets.Retweet) (retweets.Key, bool) { return r.Key(), true },
			func(s *Set, r retweets.Retweet, row retweets.State, _ bool) *retweets.Retweet {
				if r.SortKey != row.SortKey || !s.sources.Rows.VisibleRetweet(r.Key()) {
					return nil
				}
				return &r
			}}.ask}
	// MyRetweet reports whether the viewer retweets a tweet.
	MyRetweet = &Question[int64, bool]{ask: askRetweets}

	// RetweetsPage returns a page of the retweets of a tweet. The item of an entry is the user.
	RetweetsPage = &Question[sqldb.Key, cursors.Page[sqldb.Row]]{
		fetch: withoutSuspended(func(ctx context.Context, s *Set, keys []sqldb.Key) (pages, error) {
			return s.sources.Retweets.OfTweets(ctx, keys)
		}, item, nil)}
	// RepliesPage returns a page of the replies to a tweet, in the tweets.Order of the key. The item of an entry is the reply.
	RepliesPage = &Question[sqldb.Key, cursors.Page[sqldb.Row]]{
		fetch: withoutSuspended(func(ctx context.Context, s *Set, keys []sqldb.Key) (pages, error) {
			return s.sources.Tweets.Replies(ctx, s.who.UserID(), keys)
		}, by, withoutBy)}
	// Ancestors returns the chain of visible tweets above a tweet, from the start of the conversation down.
	Ancestors = &Question[int64, []int64]{
		fetch: func(ctx context.Context, s *Set, tweetIDs []int64) (map[int64][]int64, error) {
			return s.sources.Tweets.Ancestors(ctx, tweetIDs)
		}}
	// TweetsFound returns a page of a search for tweets. A tweet of it may not be visible any more.
	TweetsFound = &Question[search.Key, search.Page]{
		fetch: func(ctx context.Context, s *Set, keys []search.Key) (map[search.Key]search.Page, error) {
			return each(ctx, keys, s.sources.Search.Tweets)
		}}
	// UsersFound returns a page of a search for users.
	UsersFound = &Question[search.UserKey, search.UserPage]{
		fetch: func(ctx context.Context, s *Set, keys []search.UserKey) (map[search.UserKey]search.UserPage, error) {
			return each(ctx, keys, s.sources.Search.Users)
		}}
	// FollowersPage returns a page of a user's followers.
	FollowersPage = &Question[sqldb.Key, cursors.Page[sqldb.Row]]{
		fetch: withoutSuspended(func(ctx context.Context, s *Set, keys []sqldb.Key) (pages, error) {
			return s.sources.Follows.Followers(ctx, keys)
		}, item, nil)}
	// FollowingPage returns a page of the users that a user follows.
	FollowingPage = &Question[sqldb.Key, cursors.Page[sqldb.Row]]{
		fetch: withoutSuspended(func(ctx context.Context, s *Set, keys []sqldb.Key) (pages, error) {
			return s.sources.Follows.Following(ctx, keys)
		}, item, nil)}
	// TimelinePage returns a page of a user's own timeline, or of those entries that match the search of the key.
	TimelinePage = &Question[sqldb.Key, cursors.Page[sqldb.Row]]{
		ask: func(s *Set, keys []sqldb.Key) (Requests, answer[cursors.Page[sqldb.Row]]) {
			q := s.sources.Rows.AskTimelines(keys)
			return Requests{q.Request()}, q.At
		}}
	// SessionsOf returns the sessions of a user.
	SessionsOf = &Question[SessionList, []*accounts.Session]{
		fetch: func(ctx context.Context, s *Set, keys []SessionList) (map[SessionList][]*accounts.Session, error) {
			out := make(map[SessionList][]*accounts.Session, len(keys))
			for _, k := range keys {
				list, err := s.sources.Accounts.SessionsOf(ctx, k.UserID, k.Ended)
				if err != nil {
					return nil, err
				}
				out[k] = list
			}
			return out, nil
		}}
	// HomePage returns a page of a user's home timeline, or of those entries that match the search of the key.
	HomePage = &Question[sqldb.Key, cursors.Page[sqldb.Row]]{fetch: homePages}
)

// each reads keys one after the other. If some fail, it returns the answers for the others, and the first error.
func each[K comparable, V any](ctx context.Context, keys []K, read func(ctx context.Context, key K) (V, error)) (map[K]V, error) {
	out := make(map[K]V, len(keys))
	var first error
	for _, k := range keys {
		v, err := read(ctx, k)
		if err == nil {
			out[k] = v
		} else if first == nil {
			first = err
		}
	}
	return out, first
}

// SessionList names the sessions of a user, those that ended included or not.
type SessionList struct {
	UserID int64
	Ended  bool
}

func followRows(s *rows.Store) *rows.Entity[follows.Edge, follows.State] { return s.Follows }

func hashtagNames(ctx context.Context, s *Set, spelled []tweets.Hashtag) (map[tweets.Hashtag]string, error) {
	ids, out := make([]int64, len(spelled)), make(map[tweets.Hashtag]string, len(spelled))
	for i, h := range spelled {
		ids[i] = h.ID
	}
	names, err := s.sources.Rows.HashtagNames(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, h := range spelled {
		out[h] = cmp.Or(names[h.ID], h.Name)
	}
	return out, nil
}

// homePages reads pages of home timelines: first whose tweets they hold, then which tweets. A page that cannot be read is left out, and the
// first such error is returned with the others: a search may fail where the timeline itself does not.
func homePages(ctx context.Context, s *Set, keys []sqldb.Key) (map[sqldb.Key]cursors.Page[sqldb.Row], error) {
	return each(ctx, keys, func(ctx context.Context, k sqldb.Key) (cursors.Page[sqldb.Row], error) { return homePage(ctx, s, k) })
}

func homePage(ctx context.Context, s *Set, k sqldb.Key) (cursors.Page[sqldb.Row], error) {
	authors, err := homeAuthors(ctx, s, k.Owner)
	if err != nil {
		return cursors.Page[sqldb.Row]{}, err
	}
	if k.Matching != "" {
		return s.sources.Rows.HomeMatching(ctx, authors, k.Matching, k.Window)
	}
	return s.sources.Rows.HomePageWithAuthors(ctx, k.Owner, authors, k.Window, s.authors.note)
}

// homeAuthors returns the authors of a home timeline, from the list that the operation has read already if there is one.
func homeAuthors(ctx context.Context, s *Set, viewer int64) ([]int64, error) {
	if list, ok := s.followed.of(viewer); ok {
		return s.sources.Rows.HomeAuthors(viewer, list), nil
	}
	asked, at := HomeAuthors.ask(s, []int64{viewer})
	s.Answer(ctx, asked.AppendTo(nil)...)
	return at(ctx, 0)
}
