package rows

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/cache/audit"
	"roost/domain/accounts"
	"roost/domain/counts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/search"
	"roost/domain/suspensions"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/events"
	"roost/internal/heat"
	"roost/internal/lifecycle"
)

// Sources are the domain packages that read the rows from SQL.
type Sources struct {
	Accounts  *accounts.Accounts
	Counts    *counts.Store
	Follows   *follows.Follows
	Tweets    *tweets.Tweets
	Reactions *reactions.Reactions
	Retweets  *retweets.Retweets
	Timelines *timelines.Timelines
	Search    *search.Search
}

// Store holds all cached rows of a node, one Entity for each kind. It is safe for concurrent use.
type Store struct {
	tier        *cache.Tier
	localTweets *localTweets
	reacted     *reactedLists
	retweeted   *retweetedLists
	reactions   *reactions.Reactions
	tweets      *tweets.Tweets
	hashtags    *hashtags
	unlisted    unlistedWrites
	timelines   *timelines.Timelines
	home        *homePages
	prepared    *preparedHomes // nil without prepared timelines
	reads       *heat.Meter    // of counts of tweets
	ownPages    timelinePages
	follower    *events.Follower // nil in a process that serves no reads
	suspended   suspensions.Set
	began       int64 // number of the suspension with which the follower started
	warnings    struct{ cleared, unnamed, suspended lifecycle.Throttle }

	Accounts    *Entity[int64, *accounts.Account]       // by user
	Names       *Entity[string, accounts.NameClaim]     // by accounts.NameKey
	Sessions    *Entity[int64, *accounts.StoredSession] // by session
	UserCounts  *Entity[int64, counts.UserCounts]       // by user
	Follows     *Entity[follows.Edge, follows.State]    // by both ends
	Followed    *Entity[int64, *timelines.Followed]     // by follower
	AuthorLists *Entity[int64, timelines.AuthorList]    // by author
	Tweets      *Entity[int64, *tweets.Tweet]           // by tweet
	TweetCounts *Entity[int64, *reactions.Counts]       // by tweet
	Reactions   *Entity[reactions.Key, reactions.State] // by tweet and user
	Reacted     *Entity[int64, *reactions.List]         // by user
	Retweets    *Entity[retweets.Key, retweets.State]   // by tweet and user
	Retweeted   *Entity[int64, *retweets.List]          // by user
}

// New returns a Store over a tier. It also keeps tweets, hashtags and home timelines in the process, in the memory that is configured for
// copies, or in up to 27 MiB if there are none.
func New(tier *cache.Tier, s Sources) (*Store, error) {
	keep, err := newLocalTweets(tier)
	if err != nil {
		return nil, err
	}
	home, err := newHomePages(tier)
	if err != nil {
		return nil, err
	}
	hashtags, err := newHashtags(tier)
	if err != nil {
		return nil, err
	}
	reads := heat.New(time.Now)
	store := &Store{
		reads: reads,
		tier:  tier, localTweets: keep, reactions: s.Reactions, timelines: s.Timelines, home: home,
		tweets: s.Tweets, hashtags: hashtags,
		ownPages:    newTimelinePages(),
		Accounts:    newEntity(tier, accountForm(s.Accounts)),
		Names:       newEntity(tier, nameForm(s.Accounts)),
		Sessions:    newEntity(tier, sessionForm(s.Accounts)),
		UserCounts:  newEntity(tier, userCountsForm(s.Counts)),
		Follows:     newEntity(tier, followForm(s.Follows)),
		Followed:    newEntity(tier, followedForm(s.Timelines)),
		AuthorLists: newEntity(tier, authorListForm(s.Timelines)),
		Tweets:      newEntity(tier, tweetForm(s.Tweets, keep, &home.gone)),
		TweetCounts: newEntity(tier, tweetCountsForm(s.Reactions, reads)),
		Reactions:   newEntity(tier, reactionForm(s.Reactions)),
		Reacted:     newEntity(tier, reactedForm(s.Reactions)),
		Retweets:    newEntity(tier, retweetForm(s.Retweets)),
		Retweeted:   newEntity(tier, retweetedForm(s.Retweets)),
	}
	if store.reacted, err = newReactedLists(store.Reacted, store.Reactions); err != nil {
		return nil, err
	}
	store.retweeted, err = newRetweetedLists(store.Retweeted, store.Retweets)
	return store, err
}

// Collectors returns the metrics of the tier, of tweets, hashtags and home timelines in the process, and of the pages of timelines.
func (s *Store) Collectors() []prometheus.Collector {
	all := []prometheus.Collector{s.tier, s.localTweets.store, s.hashtags.kept, s.home.kept, s.home.count, s.home.placed,
		s.home.listsMissing, s.ownPages.count}
	if p := s.prepared; p != nil {
		all = append(all, p.visited, p.unused, p.built)
	}
	return all
}

// HottestReads returns the n tweets whose counts this process has read most in the last whole minute. The figures are estimates.
func (s *Store) HottestReads(n int) []heat.Hot { return s.reads.Top(n) }

// Answer reads the rows of all requests at once: one pipelined round trip a server, and one SQL statement for each entity with misses. Each
// request has its own error.
func (s *Store) Answer(ctx context.Context, all ...*cache.Request) {
	_ = s.tier.Load(ctx, all...) // joins the errors of the requests
}

// Kinds returns all entities.
func (s *Store) Kinds() []audit.Kind {
	return []audit.Kind{s.Accounts, s.Names, s.Sessions, s.UserCounts, s.Follows, s.Followed, s.AuthorLists, s.Tweets, s.TweetCounts,
		s.Reactions, s.Reacted, s.Retweets, s.Retweeted}
}

// Tier returns the cache tier that holds the entries.
func (s *Store) Tier() *cache.Tier { return s.tier }
