package timelines

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

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
	// Special describes the retweets and the replies to others, by Index in ascending order. All other entries are tweets of the author's
	// that answer nobody or the author, whose ids are their sort keys.
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

// SpecialEntry is an entry of an AuthorList that is a retweet, or a reply to somebody else.
type SpecialEntry struct {
	Index int64
	Kind  EntryKind
	// TweetID is the tweet that was retweeted, and AuthorID its author. Of a reply TweetID is the parent, and AuthorID who wrote the reply.
	TweetID, AuthorID int64
	// ParentAuthorID is the author of the parent; 0 if the tweet is no reply.
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
	s := l.special(i)
	if s == nil || s.Kind == TweetEntry {
		return Entry{SortKey: key, Item: key}, author
	}
	return Entry{SortKey: key, Item: s.TweetID, By: author}, s.AuthorID
}

// special describes the entry with index i if it is a retweet or a reply to somebody else; nil otherwise.
func (l *AuthorList) special(i int) *SpecialEntry {
	at, ok := slices.BinarySearchFunc(l.Special, int64(i), func(e SpecialEntry, i int64) int { return int(e.Index - i) })
	if !ok {
		return nil
	}
	return &l.Special[at]
}

// OfAuthors reads the lists of authors in one statement. Authors without a row of counts, who have no entries, are left out.
func (t *Timelines) OfAuthors(ctx context.Context, authorIDs []int64) (map[int64]AuthorList, error) {
	type row struct {
		author, version  int64
		tweets, retweets string
		replies          string
	}
	rows, err := sqldb.ScanAll(ctx, t.db, t.authorsStatement(), []any{t.db.List(authorIDs), MaxAuthorEntries + 1},
		func(r *row) []any { return []any{&r.author, &r.version, &r.tweets, &r.retweets, &r.replies} })
	if err != nil {
		return nil, fmt.Errorf("read the newest entries of authors: %w", err)
	}
	out := make(map[int64]AuthorList, len(rows))
	var keys, retweets, replies []int64
	for _, r := range rows {
		if keys, err = appendIDs(keys[:0], r.tweets); err == nil {
			retweets, err = appendIDs(retweets[:0], r.retweets)
		}
		if err == nil {
			replies, err = appendIDs(replies[:0], r.replies)
		}
		if err != nil {
			return nil, fmt.Errorf("read the newest entries of author %d: %w", r.author, err)
		}
		out[r.author] = newAuthorList(r.author, r.version, keys, retweets, replies)
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

// newAuthorList returns the list of an author. keys are the highest ids of the author's tweets that answer nobody else, in any order: all
// of them, or at least one more than a list holds. retweets are the newest retweets in the same way, four numbers each: sort key, tweet,
// author of the tweet, and author of its parent or 0. replies are the newest replies to others, three numbers each: id, parent, and its
// author.
func newAuthorList(author, version int64, keys, retweets, replies []int64) AuthorList {
	special := make([]SpecialEntry, 0, len(retweets)/4+len(replies)/3)
	for r := range slices.Chunk(retweets, 4) {
		special = append(special, SpecialEntry{Index: r[0], Kind: RetweetEntry, TweetID: r[1], AuthorID: r[2], ParentAuthorID: r[3]})
	}
	for r := range slices.Chunk(replies, 3) {
		special = append(special, SpecialEntry{Index: r[0], Kind: TweetEntry, TweetID: r[1], AuthorID: author, ParentAuthorID: r[2]})
	}
	for _, e := range special {
		keys = append(keys, e.Index)
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

// ofOthers is the condition on a retweet that is an entry of the user's own timeline. A user who retweets an own tweet adds nothing: it is
// there already, at its own place. addsToHome is the condition on one that may add something to home timelines: where the own tweet
// answers somebody, it may not be at its own place.
const (
	ofOthers   = "active AND author_id <> user_id"
	addsToHome = "active AND (author_id <> user_id OR parent_author_id <> author_id)"
)

// authorsStatement reads versions and entries in one snapshot, and of each author at most the second argument's number of rows through
// each of the indexes tweets_of_author_own, retweets_of_user and replies_of_author. It returns one row for each author, because a row for
// each entry costs several times as much.
func (t *Timelines) authorsStatement() string {
	const retweeted = "sort_key || ',' || tweet_id || ',' || author_id || ',' || coalesce(parent_author_id, 0)"
	const replied = "id || ',' || in_reply_to || ',' || parent_author_id"
	if t.db.IsPostgres() {
		newest := func(what, from, where, key string) string {
			return "array_to_string(ARRAY(SELECT " + what + " FROM " + from + " WHERE " + where + " ORDER BY " + key + " DESC LIMIT " +
				sqldb.InOrder("$2") + "), ',')"
		}
		return `SELECT k.author, s.version, ` + newest("id", "tweets", "author_id = k.author AND "+ownSQL, "id") + `,
				` + newest(retweeted, "retweets", "user_id = k.author AND "+addsToHome, "sort_key") + `,
				` + newest(replied, "tweets", "author_id = k.author AND "+repliesSQL, "id") + `
			FROM unnest($1::bigint[]) AS k(author)
			CROSS JOIN LATERAL (SELECT version FROM user_stats WHERE user_id = k.author LIMIT 1) AS s`
	}
	newest := func(what, columns, from, where, key string) string {
		return "(SELECT coalesce(group_concat(" + what + "), '') FROM (SELECT " + columns + " FROM " + from + " WHERE " + where +
			" ORDER BY " + key + " DESC LIMIT $2))"
	}
	return `SELECT k.value, s.version, ` + newest("id", "id", "tweets", "author_id = k.value AND "+ownSQL, "id") + `,
			` + newest(retweeted, "sort_key, tweet_id, author_id, parent_author_id", "retweets", "user_id = k.value AND "+addsToHome,
		"sort_key") + `,
			` + newest(replied, "id, in_reply_to, parent_author_id", "tweets", "author_id = k.value AND "+repliesSQL, "id") + `
		FROM json_each($1) AS k CROSS JOIN user_stats AS s ON s.user_id = k.value`
}
