package timelines

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"roost/domain/tweets"
	"roost/internal/sqldb"
)

// MaxAuthorEntries is the most entries of an author's list. The largest page has 100 entries and needs to see one more; the others
// are for what is left out of a page. So lists suffice for the first page of any size, even if one author wrote all of it.
const MaxAuthorEntries = 128

// AuthorList holds the newest entries that an author adds to home timelines, newest first. The zero value is the list of an author
// who has never added any.
type AuthorList struct {
	// Version is the version of the author's counts when the list was read. Whatever changes the list raises it, and follows do, too.
	Version int64
	// CompleteFrom says how far the list reaches: every entry of the author whose sort key is CompleteFrom or higher is in the
	// list. It is 0 if the list holds all entries.
	CompleteFrom int64
	// SortKeys are the entries' sort keys, highest first.
	SortKeys SortKeys
	// Special describes the entries that are not plain tweets, by Index in ascending order. All others are tweets of the author's that
	// reply to nobody, whose ids are their sort keys.
	Special []SpecialEntry
}

// EntryKind says what an author did to add an entry.
type EntryKind int8

// The kinds. Lists that are stored contain the numbers.
const (
	// TweetEntry is a tweet that the author wrote.
	TweetEntry EntryKind = iota
	// RetweetEntry repeats somebody's tweet.
	RetweetEntry
)

// SpecialEntry is an entry of an AuthorList that is a retweet or a reply.
type SpecialEntry struct {
	Index int64
	Kind  EntryKind
	// TweetID is the tweet that the entry shows, and AuthorID its author.
	TweetID, AuthorID int64
	// ParentAuthorID is the author of the tweet that it replies to; 0 if it is no reply.
	ParentAuthorID int64
}

// SortKeys are sort keys of 8 bytes each, little-endian. Kept so, a list is one object without pointers, and its nth key is found
// without decoding those before. Differences as variable-length integers would take as much: 7.96 bytes on average over the
// authors of the data set that tests import.
type SortKeys string

// PackSortKeys returns sort keys in their packed form.
func PackSortKeys(keys []int64) SortKeys {
	b := make([]byte, 0, 8*len(keys))
	for _, k := range keys {
		b = append(b, byte(k), byte(k>>8), byte(k>>16), byte(k>>24), byte(k>>32), byte(k>>40), byte(k>>48), byte(k>>56))
	}
	return SortKeys(b)
}

// Len returns the number of keys.
func (s SortKeys) Len() int { return len(s) / 8 }

// At returns the key with index i.
func (s SortKeys) At(i int) int64 {
	b := s[8*i : 8*i+8]
	return int64(uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56)
}

// below returns the index of the highest key below a limit; it is Len if there is none.
func (s SortKeys) below(limit int64) int {
	if s.Len() == 0 || s.At(0) < limit {
		return 0
	}
	return sort.Search(s.Len(), func(i int) bool { return s.At(i) < limit })
}

// entry returns the entry with index i, and the author of its tweet.
func (l *AuthorList) entry(author int64, i int) (e Entry, of int64) {
	key := l.SortKeys.At(i)
	at, special := slices.BinarySearchFunc(l.Special, int64(i), func(e SpecialEntry, i int64) int { return int(e.Index - i) })
	if !special || l.Special[at].Kind == TweetEntry {
		return Entry{SortKey: key, Item: key}, author
	}
	return Entry{SortKey: key, Item: l.Special[at].TweetID, By: author}, l.Special[at].AuthorID
}

// OfAuthors reads the lists of authors in one statement. Authors without a row of counts, who have no entries, are left out.
func (t *Timelines) OfAuthors(ctx context.Context, authorIDs []int64) (map[int64]AuthorList, error) {
	type row struct {
		author, version  int64
		tweets, retweets string
	}
	rows, err := sqldb.ScanAll(ctx, t.db, t.authorsStatement(), []any{t.db.List(authorIDs), MaxAuthorEntries + 1},
		func(r *row) []any { return []any{&r.author, &r.version, &r.tweets, &r.retweets} })
	if err != nil {
		return nil, fmt.Errorf("read the newest entries of authors: %w", err)
	}
	out := make(map[int64]AuthorList, len(rows))
	var keys, retweets []int64
	for _, r := range rows {
		if keys, err = appendIDs(keys[:0], r.tweets); err == nil {
			retweets, err = appendIDs(retweets[:0], r.retweets)
		}
		if err != nil {
			return nil, fmt.Errorf("read the newest entries of author %d: %w", r.author, err)
		}
		out[r.author] = newAuthorList(r.version, keys, retweets)
	}
	return out, nil
}

// appendIDs appends ids that are separated by commas.
func appendIDs(to []int64, text string) ([]int64, error) {
	for text != "" {
		var first string
		first, text, _ = strings.Cut(text, ",")
		id, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return nil, err
		}
		to = append(to, id)
	}
	return to, nil
}

// newAuthorList returns a list of tweets and retweets. keys are the highest ids of the author's tweets, in any order: all of them, or at
// least one more than a list holds. retweets are the newest retweets in the same way, three numbers each: sort key, tweet, and author of
// the tweet.
func newAuthorList(version int64, keys, retweets []int64) AuthorList {
	special := make([]SpecialEntry, 0, len(retweets)/3)
	for r := range slices.Chunk(retweets, 3) {
		keys = append(keys, r[0])
		special = append(special, SpecialEntry{Index: r[0], Kind: RetweetEntry, TweetID: r[1], AuthorID: r[len(r)-1]})
	}
	slices.SortFunc(keys, descending)
	l := AuthorList{Version: version}
	if len(keys) > MaxAuthorEntries {
		l.CompleteFrom = keys[MaxAuthorEntries] + 1
		keys = keys[:MaxAuthorEntries]
	}
	l.SortKeys = PackSortKeys(keys)
	for _, e := range special { // which have sort keys as indexes
		if at, ok := slices.BinarySearchFunc(keys, e.Index, descending); ok {
			e.Index = int64(at)
			l.Special = append(l.Special, e)
		}
	}
	slices.SortFunc(l.Special, func(a, b SpecialEntry) int { return cmp.Compare(a.Index, b.Index) })
	return l
}

// ofOthers is the condition on a retweet that adds something to timelines. A user who retweets an own tweet adds nothing: it
// is there already, at its own place.
const ofOthers = "active AND author_id <> user_id"

// authorsStatement reads versions and entries in one snapshot, and of each author at most the second argument's number of rows
// through the indexes tweets_of_author and retweets_of_user. It returns one row for each author, because a row for each entry costs
// several times as much.
func (t *Timelines) authorsStatement() string {
	if t.db.IsPostgres() {
		return `SELECT k.author, s.version, array_to_string(ARRAY(SELECT id FROM tweets WHERE author_id = k.author AND ` +
			tweets.VisibleSQL + ` ORDER BY id DESC LIMIT ` + sqldb.InOrder("$2") + `), ','),
			array_to_string(ARRAY(SELECT concat_ws(',', sort_key, tweet_id, author_id) FROM retweets WHERE user_id = k.author AND ` +
			ofOthers + ` ORDER BY sort_key DESC LIMIT ` + sqldb.InOrder("$2") + `), ',')
			FROM unnest($1::bigint[]) AS k(author)
			CROSS JOIN LATERAL (SELECT version FROM user_stats WHERE user_id = k.author LIMIT 1) AS s`
	}
	return `SELECT k.value, s.version, (SELECT coalesce(group_concat(id), '') FROM (SELECT id FROM tweets
			WHERE author_id = k.value AND ` + tweets.VisibleSQL + ` ORDER BY id DESC LIMIT $2)),
		(SELECT coalesce(group_concat(sort_key || ',' || tweet_id || ',' || author_id), '') FROM (SELECT sort_key, tweet_id, author_id
			FROM retweets WHERE user_id = k.value AND ` + ofOthers + ` ORDER BY sort_key DESC LIMIT $2))
		FROM json_each($1) AS k CROSS JOIN user_stats AS s ON s.user_id = k.value`
}
