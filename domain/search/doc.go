// Package search finds tweets by their words and users by their names, with an index of its own in SQL.
//
// # The index
//
// The index is derived from the tables tweets and users: it can be emptied, and made again while it is in use (Rebuild). Package words
// finds the tokens of a text and the meaning of a query, for both kinds of databases; this package writes tokens so that no database has
// to split a text or to recognize an operator: a letter for the kind of the token, then its bytes, of which all but a to z and 0 to 9
// are an underscore and two hexadecimal digits. Statements contain nothing of a query but such words.
//
//   - PostgreSQL has a tsvector of the tokens and their positions for each tweet, and a GIN index of the tokens. A phrase is a tsquery
//     with distances, such as wfoo <1> wbar.
//   - SQLite has an FTS5 table which says which tweets have a token. Several tokens have the same position (the hashtag go_lang and its
//     word; a character and the pair that it begins), and FTS5 counts each token as one position, so positions are in a table beside it.
//     Of the tweets with all tokens of a query, a function of this package keeps those that match.
//
// An entry of the index decides nothing about what is visible: each statement looks at the tweets that it is about to return.
//
// # Orders
//
// Newest is the order of ids. Relevant puts tweets first of which the query names a larger share of the words (Class), newer ones first
// within a class. The class follows from the query and the tweet alone, so a page stays what it was while other tweets come and go. Only
// the newest MaxRanked matches are ranked; all others follow them, newest first. The first page notes which matches these are, and all
// later pages rank the same range of ids, so no tweet is repeated or left out, and tweets that come meanwhile are not in the later pages.
//
// Users whose username begins with the query, or whose name has its words, are in the order of their usernames. For an empty query, users
// are in the order of their followers, and of their ids within the same number; it has no users of whom nothing was ever counted.
//
// # How it is fed
//
// The consumer group "search" indexes new tweets and users and removes deleted tweets. What has no event of its own is noted as a range of
// ids (Fill): the chunks of imports, everything that was there before the index, and everything again for Rebuild. Fillers, one on each
// node with the role worker, index these ranges, Batch rows in a transaction, and note how far they are.
//
// # Limits
//
// A query has the limits of package words. The name of a user has at most MaxNameWords words that are found. With Config.Keep, entries
// of older tweets are removed. Statements of searches end with the timeout of all statements of requests.
package search
