// Package entities finds the hashtags, mentions and links in a text, as people write them.
//
// The rules are those of twitter-text 3.1.0, the library that Twitter published for its own clients, so that texts from there
// mean the same here. Its README and conformance suite state the rules; TestFindIsTwitterText compares [Find] with the npm package
// on 10,000 texts.
//
//   - A hashtag is # or ＃ and a run of letters, combining marks, digits, underscores and a few joining characters of other
//     scripts (conformance: extract.yml, hashtags). The run has at least one letter or mark, so #1 is none. The character before
//     it is not part of such a run and not &, so a#b and &#39; are none. Another # or :// right after it makes it none. A # that an
//     emoji presentation follows (#️⃣) is none.
//   - A mention is @ or ＠ and a username of ASCII letters, digits and underscores (extract.yml, mentions). The character before
//     it is none of these and none of !#$%&*@, so addresses of mail are none; only RT may come directly before it. Another @, an
//     accented letter or :// right after it makes it none.
//   - A link begins with http:// or https://, or is the name of a host that ends in a top-level domain (extract.yml, urls). The
//     protocol may be left out only if the name is ASCII with accented Latin letters, apart from its top-level domain. The list of
//     domains is the package's (tlds.go). A port or a query without a path belongs to a link only after a protocol. Punctuation
//     at the end does not belong to it; brackets do if they are balanced, up to two levels.
//   - Where entities overlap, the one that begins first counts. So # and @ inside a link are part of the link.
//   - Cashtags ($ROOST) are no entities.
//
// Roost differs from twitter-text in these points, on purpose:
//
//   - Letters, marks and digits are those of the version of Unicode that Go has. The package has those of Unicode 7.
//   - A username has up to 30 characters, as in Roost, not 20. A longer run is no mention: its beginning would be somebody else's.
//   - There are no lists, so @name/list mentions @name.
//   - t.co is a host like others. The package cuts its links after one word of the path.
//   - Text at an entity's offsets is always the entity. Where a host without protocol has an ASCII name inside a longer name of
//     another script, the package joins that name to a path that does not follow it, and may take an earlier place with
//     the same letters for its place.
//
// Time and memory are linear in the text: every rule is decided by passes that look at each character a bounded number of times, and
// there is no backtracking. There is no limit on the length of a text or the number of entities: callers bound the text.
// TestTimeIsLinear measures shapes on which regular expressions are slow, with 8 KB and 64 KB of each.
package entities
