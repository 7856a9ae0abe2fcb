// Package imports loads a social graph from files into Roost. It is fast, and it may be killed at any time and run again.
//
// A directory holds users.tsv and, each optional, follows.tsv, tweets.jsonl and likes.tsv. Each file may be compressed with
// gzip; then its name ends in .gz. The files are read in this order, as streams: memory grows with the number of users and
// tweets (some 100 bytes each, for the mapping of the files' ids), not with the size of the files.
//
// Guarantees:
//
//   - The lines of a file are written in chunks. A chunk is one transaction that contains the rows, the mapping of their ids,
//     the counts, the claims on names, one RowsImported event, and how far the file was read. So after a kill counts equal
//     rows, and there are no rows without their event and no event without its rows.
//   - An import that is run again continues behind the last chunk. A file that was read to its end, and has the same checksum,
//     is skipped. A file that has changed, or whose users or tweets have, is read from its start. Rows that exist already
//     stay as they are, also when users have changed them since (an undone follow stays undone), and are not counted.
//   - Ids in files are mapped by source. The same ids under another source are other rows.
//   - A bad line never affects another one. It is reported with file, line and reason. The import continues or, with Stop,
//     ends before the chunk that contains the line.
//   - Two imports into one PostgreSQL database cannot run at once. An SQLite file has one owner (package
//     datadir) and so one import.
//   - The database may be in use: rows are locked in the order of their ids, in transactions of well under a second, and a
//     transaction that loses to others is tried again.
//
// Where the files have no time, rows get the time of the import: an account was created at the time of its first tweet, or
// of the import if it has none; a follow began with the import, and follows further down in the file are newer. Tweets get ids
// that sort by their own time.
package imports
