// Package words is the tokenizer of search and the parser of its queries.
//
// One tokenizer feeds both full-text indexes, PostgreSQL's and SQLite's, so that both find the same: they get tokens and never split
// text themselves. It is a package of the lowest layer because it is about text and not about tweets or stores; what an
// index makes of its tokens is written where the index is.
//
// # Tokens
//
// [Tokens] takes out the hashtags, mentions and links that package entities finds, and splits the rest into words:
//
//   - Words are those of Unicode's Text Segmentation (UAX 29, section 4), found by github.com/clipperhouse/uax29 in the version of
//     Unicode that it has. A segment is a word if it has a letter, a digit or an emoji; underscores around it do not belong to it.
//   - Before that the text is folded ([entities.Fold]: NFKC and case folding), ’ becomes ', and format characters and variation
//     selectors, which readers do not see, are left out (Unicode's Cf; not the zero-width space, which separates words).
//   - Scripts that write no spaces between words, and Hangul, whose words have endings: each run of Han, Hiragana, Katakana,
//     Hangul, Thai, Lao, Khmer and Myanmar becomes its characters and its pairs of neighbours (bigrams). So every part of the run is
//     found, also a single character. Marks belong to the character before them. UAX 29 asks for a dictionary here, but an index would
//     not find with another edition of it what was stored with the one before.
//   - #Go_Lang is the hashtag go_lang and its words. @Alice is the mention alice, and no word.
//   - https://www.example.com/A_b?c is the hosts www.example.com and example.com, and the words of the host and of what follows
//     it: www, example, com, a, b, c. Percent-encoded text is decoded.
//
// Each token has a position, which counts words, so that phrases are tokens at successive positions. A hashtag has the position of its
// first word, a host that of its first label, a pair that of its first character.
//
// # Queries
//
// [Parse] reads words, "exact phrases", #hashtags and @mentions; a leading minus excludes. All clauses must match. Everything else is
// taken literally: what the tokenizer makes no token of (operators of stores, %, _, \, NUL, a quotation mark without its other half)
// is punctuation in queries as it is in texts, and AND and NOT are words. A clause of several tokens, such as node-js or 東京都, is
// a phrase. Typographic quotation marks and the full-width minus of phones mean the same as the plain ones. A query that has
// nothing to look for, or too much, is refused with BAD_REQUEST.
//
// [Query.Matches] defines what a query means. What is copied from a text finds the text (FuzzParse).
//
// # Limits
//
// A text has at most MaxTokens tokens; what comes after them is not found. A token has at most MaxTokenBytes bytes, and longer
// ones are cut, in texts as in queries. A text has the same token at most MaxRepeats times, because PostgreSQL keeps no more
// positions of one. A tweet of 280 characters reaches none of these with ordinary text. Time is linear in the length of the text.
package words
