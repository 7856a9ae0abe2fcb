package timelines

import "roost/events"

// RecordOf returns the record of an event for the prepared timelines of those who follow a user; ok is false for an event that adds
// nothing to them and removes nothing. The rule is that of AuthorList: a user who retweets an own tweet adds something only where
// the tweet answers somebody else.
func RecordOf(seq int64, e events.Event) (r Record, ok bool) {
	switch e := e.(type) {
	case events.TweetPosted:
		return postRecord(seq, Added, e), true
	case events.TweetDeleted:
		return postRecord(seq, Removed, events.TweetPosted{TweetID: e.TweetID, AuthorID: e.AuthorID,
			InReplyTo: e.InReplyTo, ParentAuthorID: e.ParentAuthorID}), true
	case events.TweetRetweeted:
		return retweetRecord(seq, Added, e)
	case events.RetweetUndone:
		return retweetRecord(seq, Removed, events.TweetRetweeted(e))
	}
	return r, false
}

func postRecord(seq int64, kind RecordKind, e events.TweetPosted) Record {
	r := Record{Seq: seq, Kind: kind, Contribution: Contribution{UserID: e.AuthorID, SortKey: e.TweetID}}
	if e.ParentAuthorID != 0 && e.ParentAuthorID != e.AuthorID {
		r.Special = SpecialEntry{Kind: TweetEntry, TweetID: e.InReplyTo, AuthorID: e.AuthorID, ParentAuthorID: e.ParentAuthorID}
	}
	return r
}

func retweetRecord(seq int64, kind RecordKind, e events.TweetRetweeted) (r Record, ok bool) {
	if e.AuthorID == e.UserID && (e.ParentAuthorID == 0 || e.ParentAuthorID == e.AuthorID) {
		return r, false
	}
	return Record{Seq: seq, Kind: kind, Contribution: Contribution{UserID: e.UserID, SortKey: e.SortKey,
		Special: SpecialEntry{Kind: RetweetEntry, TweetID: e.TweetID, AuthorID: e.AuthorID, ParentAuthorID: e.ParentAuthorID}}}, true
}
