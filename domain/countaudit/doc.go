// Package countaudit compares the stored counts of tweets and users with the rows that they count, and repairs counts that differ.
//
//	report, err := countaudit.New(db, log, nil).Run(ctx, countaudit.Config{Repair: true, Examples: 20})
//
// The counts of a tweet are its row of tweet_stats and the deltas of reactions that are not drained, added up. They are compared with the
// rows of reactions and retweets, the counts of a user in user_stats with tweets and follows.
//
// # How counts are judged
//
// An Auditor reads the ids of tweets and then of users in batches, in their order. For each batch one statement reads what is stored and
// recounts the rows. A statement sees one snapshot of the database, and each transaction that writes a counted row also adds to the counts.
// So a difference is never a write under way, and it is reported at once. Rows that are made while an audit runs may be left out.
//
// The revision of a tweet must be at least the number of changes of its reactions and retweets, which is the sum of their versions. It may
// be higher: a repair raises it as well. Counts without a tweet or user are compared if their id is between two ids of a batch, and are
// not repaired.
//
// # Repairs
//
// A repair is a transaction that locks the row of the tweet or user, so that only one repair runs for it. It recounts in one statement,
// adds the differences, and emits an event, so that caches and subscribers follow. The differences stay right while others write,
// because their transactions change rows and counts alike. Reactions, retweets and follows do not wait for the lock.
//
// Likes and dislikes are repaired with a delta, which also raises the revision: by at least 1, and above the number of changes. So the
// repaired counts are newer than all that caches hold, unless somebody has lowered the revision of a tweet that had been repaired before.
// `roost audit cache` finds entries with such a higher revision.
//
// # Cost and limits
//
// An Auditor runs one statement at a time, and compares at most Config.Rate tweets or users a second. A statement covers up to 500 of
// them, and reads all of their reactions and retweets, or all of their tweets and follows. It may take a minute; an audit whose statement
// takes longer ends with an error. Memory is bounded by the batch and by Config.Examples.
package countaudit
