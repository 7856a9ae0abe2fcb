// Package imports loads a social graph from files into Roost, fast and in steps that can be cut off at
// any time.
//
// A directory holds users.tsv and, each optional, follows.tsv, tweets.jsonl and likes.tsv; every file
// may be gzipped with .gz appended. They are read in this order, as streams: memory grows with the
// number of users and tweets (some 100 bytes each, for the mapping of the files' ids), not with the
// files.
//
// Guarantees:
//
//   - The lines of a file are written in chunks. A chunk is one transaction with everything that belongs
//     together: the rows, the mapping of their ids, the counts, the claims on names, one RowsImported
//     event, and how far the file was read. A process that is killed leaves counts equal to rows, and
//     rows and events never one without the other.
//   - An import that is run again goes on behind the last chunk. Files that were read wholly are skipped
//     after a look at their checksums. A file that changed, or whose users or tweets did, is read from
//     its start; rows that are there already stay as they are, also when users changed them since (an
//     undone follow stays undone), and count nothing.
//   - Ids of files are known by source. The same ids under another source are other rows.
//   - A bad line never spoils another one: it is reported with file, line and reason, and the import goes
//     on or, if asked, ends before the chunk that the line is in.
//   - Two imports into one PostgreSQL database cannot run at once. An SQLite file has one owner (package
//     datadir) and so one import.
//   - The database may be in use: rows are locked in the order of their ids, in transactions of well
//     under a second, and a transaction that loses to others is tried again.
//
// Rows carry the time of the import where the files have none: an account was created at the time of
// its first tweet, else of the import; a follow began with the import, and those further down in the
// file are newer. Tweets get ids that sort by their own time.
package imports
