// Package layout defines how the baseline of the benchmarks stores its data in Redis: in the cheapest layout that answers the
// measured reads. Values are ready pieces of JSON. A page costs two pipelined round trips, and is the concatenation of the
// pieces that they return. The data is filled once from SQL, and nothing keeps it up to date.
//
// The pieces have the fields that the measured operations ask for, in the same order.
package layout

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
)

// Session is the key of the user id that a session key belongs to.
func Session(key string) string { return "s:" + key }

// Home is the key of a viewer's home timeline: a list of entries, newest first.
func Home(viewer int64) string { return "h:" + decimal(viewer) }

// HomeRetweets is the key of a viewer's home timeline with retweets: a list of entries, newest first.
func HomeRetweets(viewer int64) string { return "g:" + decimal(viewer) }

// Timeline is the key of a user's own timeline: a list of entries, newest first.
func Timeline(username string) string { return "l:" + username }

// Tweet is the key of a tweet: its id, text and createdAt.
func Tweet(id string) string { return "t:" + id }

// Author is the key of a user as the author of a tweet: id, username and name.
func Author(id string) string { return "a:" + id }

// Counts is the key of a tweet's likeCount, dislikeCount and revision.
func Counts(tweet string) string { return "c:" + tweet }

// NoCounts replaces counts that are not stored.
const NoCounts = `"likeCount":0,"dislikeCount":0,"revision":0`

// Reactions is the key of a viewer's own reactions: a hash from tweet to LIKE or DISLIKE.
func Reactions(viewer int64) string { return "r:" + decimal(viewer) }

// Profile is the key of a user's page: id, username, name and bio.
func Profile(username string) string { return "p:" + username }

// ProfileCounts is the key of the counts of a user's page: tweetCount, followers and following.
func ProfileCounts(username string) string { return "n:" + username }

// Following is the key of the set of the usernames that a viewer follows.
func Following(viewer int64) string { return "f:" + decimal(viewer) }

// Entry is an entry of a timeline: a tweet and its author, both as decimal ids.
func Entry(tweet, author int64) string { return decimal(tweet) + " " + decimal(author) }

// Retweet is an entry that a retweet has brought: the tweet, its author, who retweeted it, and the sort key of the retweet.
func Retweet(tweet, author, by, sortKey int64) string {
	return Entry(tweet, author) + " " + decimal(by) + " " + decimal(sortKey)
}

// ReadEntry returns the tweet and its author in an entry.
func ReadEntry(entry string) (tweet, author string) {
	tweet, author, _ = strings.Cut(entry, " ")
	author, _, _ = strings.Cut(author, " ")
	return tweet, author
}

// ReadRetweet returns who retweeted the tweet in an entry, and the sort key of the retweet. ok is false if no retweet has brought it.
func ReadRetweet(entry string) (by, sortKey string, ok bool) {
	_, rest, _ := strings.Cut(entry, " ")
	if _, rest, ok = strings.Cut(rest, " "); ok {
		by, sortKey, ok = strings.Cut(rest, " ")
	}
	return by, sortKey, ok
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// Viewer returns the user that a session key names. A key can name any user, so the stored session must confirm it.
func Viewer(key string) (int64, bool) {
	rest, ok := strings.CutPrefix(key, "roost_")
	if !ok || len(rest) < 12 {
		return 0, false
	}
	var b [9]byte
	// 12 characters are 9 bytes, of which the first 8 are the user.
	if n, err := base64.RawURLEncoding.Decode(b[:], []byte(rest[:12])); err != nil || n != 9 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(b[:8])), true
}
