// Package imports loads a social graph from files into Roost. It is fast, and it may be killed at any time and run again.
//
// A directory holds users.tsv and the optional files follows.tsv, tweets.jsonl and likes.tsv. A file may be compressed with
// gzip; its name then ends in .gz. The files are read as streams, in this order. Memory grows with the number of users and
// tweets (some 100 bytes each, to map the ids of the files to rows), not with the size of the files.
//
// Guarantees:
//
//   - The lines of a file are written in chunks. A chunk is one transaction that contains the rows, the mapping of their ids,
//     the counts, the claims on usernames and emails, one RowsImported event, and how far the file was read. So even after a
//     kill all counts agree with the rows, no rows lack their event, and no event lacks its rows.
//   - An import that is run again continues after the last chunk. A file that was read to its end, and has the same checksum,
//     is skipped. A file is read from its start if the file has changed, or if the file of users or tweets to which it refers
//     has changed. Rows that exist already stay as they are, even if users have changed them since (an undone follow stays
//     undone), and are not counted.
//   - The ids in the files are mapped to rows separately for each source (Options.Source). The same ids under another source
//     are other rows.
//   - A bad line never affects another one. It is reported with file, line and reason. The import then continues or, with Stop,
//     ends without writing the chunk that contains the line.
//   - Two imports into one PostgreSQL database cannot run at once. An SQLite file belongs to one process at a time (package
//     datadir), and so has one import at a time.
//   - The database may be in use: rows are locked in the order of their ids, in transactions of well under a second, and a
//     transaction that loses to others is tried again.
//
// Users and follows have no time in the files. An account gets the time of its first tweet, or the time of the import if it has
// no tweet. A follow gets the time of the import, and follows further down in the file count as newer. Tweets get ids that sort
// by the time of the tweet.
package imports
