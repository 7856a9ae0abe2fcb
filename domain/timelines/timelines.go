// Package timelines holds the rules of timelines and reads them from SQL. SQL answers whenever nothing faster can, and anything
// faster must agree with it.
//
// The home timeline of a viewer contains the visible tweets of the viewer and of the users whom the viewer follows, and the visible
// tweets that these have retweeted, newest first. Of replies it contains only those between two of these users, and those that were
// retweeted. Relation.InHome says whose entries it contains, Ends.In which tweets are at their own places; HomeChangeOf returns which home
// timelines an event changes, and HomeChange.Parts how a retweet changes one. The pages, the pushes to subscribers and the catch-up of
// subscribers use these functions.
//
// A new kind of relation, such as a mute, is a parameter of NewRelation and a condition in InHome. The compiler then names the
// reads that must supply it:
//
//   - HomeAuthors, for pages and catch-up, from Followed: extend Followed and its statement, followedForm in rows (stored
//     form, with a new version of the entry) and the invalidation of that row by the new event.
//   - Audience, for the viewers to whom an event is pushed. What is sent to them within 100 ms relies on it, and on the fact that
//     a viewer other than the author is in the audience only if the viewer follows the author (graph.Resolver.Prepare).
//   - Brought, for the viewers into whose timelines a retweet brings a tweet: its statement repeats the rule.
//   - rows.Store.HomeTweets, for the check just before an entry is sent: a row of the new relation, or an existing one.
//
// An event that begins or ends the relation belongs in homeChanges. The index events_of_home in ent/schema lists the same
// event types, so it changes too, with a migration.
//
// An entry of a timeline is a tweet and its place, which is the sort key: the tweet's id if the timeline contains the author's entries,
// otherwise the sort key of the earliest active retweet by a user whose entries the timeline contains. NewDraft, Places and Home find it.
package timelines

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"roost/domain/suspensions"
	"roost/domain/tweets"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// Entry is a tweet in a timeline: its place as sort key, its id as item, and the user whose retweet has brought it.
type Entry = sqldb.Row

// Timelines reads timelines. It is safe for concurrent use.
type Timelines struct {
	db *sqldb.DB
	// maxHits is MaxHits, but for tests.
	maxHits int
	// maxAuthored is maxAuthored, but for tests.
	maxAuthored int
}

// New returns the timelines of the database.
func New(db *sqldb.DB) *Timelines {
	return &Timelines{db: db, maxHits: MaxHits, maxAuthored: maxAuthored}
}

// The kinds of entries of a user's own timeline; sqldb.Key.Kinds is a sum of them.
const (
	// OwnTweets are the tweets that the user wrote.
	OwnTweets uint8 = 1 << iota
	// Retweets are tweets of others that the user retweeted.
	Retweets
	// Replies are the user's answers to others.
	Replies
)

// Two conditions on tweets divide what an author has written: what answers nobody or the author, and what answers others. Each has an
// index.
const (
	ownSQL     = tweets.VisibleSQL + " AND (parent_author_id IS NULL OR parent_author_id = author_id)"
	repliesSQL = tweets.VisibleSQL + " AND parent_author_id <> author_id"
)

var (
	ofAuthor    = sqldb.Lists{Table: "tweets", Owner: "author_id", SortKey: "id", Item: "id", Where: ownSQL}
	ofReplier   = sqldb.Lists{Table: "tweets", Owner: "author_id", SortKey: "id", Item: "id", Where: repliesSQL}
	ofRetweeter = sqldb.Lists{Table: "retweets", Owner: "user_id", SortKey: "sort_key", Item: "tweet_id", By: "user_id",
		Where: ofOthers + " AND " + tweets.VisibleByID("tweet_id")}
	// ofUser are the lists that have the entries of some kinds.
	ofUser = unionsOf(map[uint8]sqldb.Lists{OwnTweets: ofAuthor, Retweets: ofRetweeter, Replies: ofReplier})
)

// unionsOf returns the union of lists for each choice of kinds.
func unionsOf(lists map[uint8]sqldb.Lists) map[uint8]sqldb.Union {
	all := map[uint8]sqldb.Union{}
	for kinds := uint8(1); kinds < 1<<len(lists); kinds++ {
		for kind := uint8(1); kind <= kinds; kind <<= 1 {
			if kinds&kind != 0 {
				all[kinds] = append(all[kinds], lists[kind])
			}
		}
	}
	return all
}

// OfUsers reads pages of several users' own timelines, newest first, in one statement for each page size, direction, choice of kinds and
// search among the keys. A page of no kind is empty. It fails with BadRequest for a search that words.Parse refuses, and
// with Unavailable for one as sqldb.Driver.Long does.
func (t *Timelines) OfUsers(ctx context.Context, keys []sqldb.Key) (map[sqldb.Key]cursors.Page[Entry], error) {
	type choice struct {
		kinds    uint8
		matching string
	}
	chosen := map[choice][]sqldb.Key{}
	for _, k := range keys {
		c := choice{k.Kinds, k.Matching}
		chosen[c] = append(chosen[c], k)
	}
	out := make(map[sqldb.Key]cursors.Page[Entry], len(keys))
	for c, some := range chosen {
		lists, err := ofUser[c.kinds], error(nil)
		if c.matching != "" {
			lists, err = t.matchingLists(c.kinds, c.matching)
		}
		if err != nil {
			return nil, err
		}
		if len(lists) == 0 {
			continue
		}
		read := func(ctx context.Context) error {
			pages, err := lists.Pages(ctx, t.db.Driver, some)
			maps.Copy(out, pages)
			return err
		}
		if c.matching == "" {
			err = read(ctx)
		} else {
			err = t.db.Long(ctx, read)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Followed is the list of those whom a viewer follows. Version is the version of the list.
type Followed struct {
	UserIDs []int64 // ascending
	Version int64
	// home is what HomeAuthors and ShownAuthors have returned for the list.
	home atomic.Pointer[homeAuthors]
}

// homeAuthors are the authors of a viewer's home timeline, and those of them who are shown while some users are suspended; suspended is the
// number of these.
type homeAuthors struct {
	viewerID       int64
	authors, shown []int64
	suspended      int64
}

// Contains reports whether the viewer follows a user. A nil list contains nobody.
func (f *Followed) Contains(userID int64) bool {
	if f == nil {
		return false
	}
	_, ok := slices.BinarySearch(f.UserIDs, userID)
	return ok
}

// Followed reads whom viewers follow in one statement. Viewers without a row of counts, who follow nobody, are left out.
func (t *Timelines) Followed(ctx context.Context, viewerIDs []int64) (map[int64]*Followed, error) {
	type row struct {
		viewer, version int64
		followed        sql.NullInt64
	}
	rows, err := sqldb.ScanAll(ctx, t.db, t.followedStatement(), []any{t.db.List(viewerIDs)},
		func(r *row) []any { return []any{&r.viewer, &r.version, &r.followed} })
	if err != nil {
		return nil, fmt.Errorf("read whom viewers follow: %w", err)
	}
	out := make(map[int64]*Followed, len(viewerIDs))
	for _, r := range rows {
		f := out[r.viewer]
		if f == nil {
			f = &Followed{Version: r.version}
			out[r.viewer] = f
		}
		if r.followed.Valid {
			f.UserIDs = append(f.UserIDs, r.followed.Int64)
		}
	}
	for _, f := range out {
		slices.Sort(f.UserIDs)
	}
	return out, nil
}

// followedStatement reads version and list in one snapshot. Its order keeps PostgreSQL from using indexes of follows that also
// contain rows which are not active.
func (t *Timelines) followedStatement() string {
	if t.db.IsPostgres() {
		return `SELECT k.owner, s.following_version, t.item FROM unnest($1::bigint[]) AS k(owner)
			CROSS JOIN LATERAL (SELECT following_version FROM user_stats WHERE user_id = k.owner LIMIT 1) AS s
			LEFT JOIN LATERAL (SELECT followee_id AS item FROM follows WHERE follower_id = k.owner AND active
				ORDER BY sort_key LIMIT ` + sqldb.InOrder("9223372036854775807") + `) AS t ON true`
	}
	return `SELECT k.value, s.following_version, t.followee_id FROM json_each($1) AS k
		CROSS JOIN user_stats AS s ON s.user_id = k.value
		LEFT JOIN follows AS t ON t.follower_id = k.value AND t.active AND t.sort_key > 0`
}

// Viewers returns up to n users who follow somebody, drawn at random. It reads the counts of all users in one statement.
func (t *Timelines) Viewers(ctx context.Context, n int) ([]int64, error) {
	ids, err := sqldb.ScanAll(ctx, t.db, "SELECT user_id FROM user_stats WHERE following_count > 0 ORDER BY random() LIMIT $1", []any{n},
		sqldb.Column[int64])
	if err != nil {
		return nil, fmt.Errorf("draw viewers: %w", err)
	}
	return ids, nil
}

// LoadSuspended reads who is suspended; see suspensions.Set.
func (t *Timelines) LoadSuspended(ctx context.Context, into *suspensions.Set) error {
	return into.Load(ctx, t.db)
}

var followers = sqldb.Pairs{Table: "follows", Holder: "followee_id", Other: "follower_id", Flag: "active"}

// audienceChunk is the most viewers that one statement asks about.
const audienceChunk = 5000

// Audience returns the viewers whose home timelines have a tweet at its own place, sorted. It runs one statement for every audienceChunk
// viewers, and another one for those who remain if the tweet answers somebody else's.
func (t *Timelines) Audience(ctx context.Context, of Ends, viewers []int64) ([]int64, error) {
	out, err := t.audience(ctx, of.AuthorID, viewers)
	if err != nil || of.ParentAuthorID == 0 || of.ParentAuthorID == of.AuthorID || len(out) == 0 {
		return out, err
	}
	return t.audience(ctx, of.ParentAuthorID, out)
}

// audience returns the viewers whose home timelines contain an author's entries, sorted.
func (t *Timelines) audience(ctx context.Context, authorID int64, viewers []int64) ([]int64, error) {
	var out []int64
	for chunk := range slices.Chunk(viewers, audienceChunk) {
		following, err := followers.Among(ctx, t.db.Driver, authorID, chunk)
		if err != nil {
			return nil, fmt.Errorf("find the audience: %w", err)
		}
		for _, v := range chunk {
			if NewRelation(v, authorID, following[v]).InHome() {
				out = append(out, v)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
