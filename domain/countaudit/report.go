package countaudit

import "time"

// Count names a stored count.
type Count string

// The counts of tweets, then those of users.
const (
	Likes     Count = "likes"
	Dislikes  Count = "dislikes"
	Retweets  Count = "retweets"
	Replies   Count = "replies"
	Revision  Count = "revision"
	Tweets    Count = "tweets"
	Followers Count = "followers"
	Following Count = "following"
)

// The kinds of rows that have counts.
const (
	Tweet = "tweet"
	User  = "user"
)

// Finding is a stored count that differs from its rows. Recounted is the number of rows; for a Revision, the least that it may be.
type Finding struct {
	Of                string // Tweet or User
	ID                string // the global id
	Count             Count
	Stored, Recounted int64
	// Repaired reports that the count agreed with its rows after the repair.
	Repaired bool
}

// Total is the result for one count of all tweets or of all users.
type Total struct {
	Of        string // Tweet or User
	Count     Count
	Differing int64
	// Surplus is how much the stored counts exceed the rows, Lacking how much they fall short, added up.
	Surplus, Lacking int64
	Repaired         int64
}

// Report is the result of an audit.
type Report struct {
	// Tweets and Users are how many were compared.
	Tweets, Users int64
	Totals        []Total
	Examples      []Finding // the first ones
	Took          time.Duration
}

func newReport() *Report {
	r := &Report{}
	for _, k := range []kind{tweetKind, userKind} {
		for _, c := range k.counts {
			r.Totals = append(r.Totals, Total{Of: k.of, Count: c})
		}
	}
	return r
}

// Found returns the number of counts that differ, and Repaired how many of them were repaired.
func (r *Report) Found() (n int64) {
	for _, t := range r.Totals {
		n += t.Differing
	}
	return n
}

// Repaired returns the number of counts that were repaired.
func (r *Report) Repaired() (n int64) {
	for _, t := range r.Totals {
		n += t.Repaired
	}
	return n
}

func (r *Report) add(f Finding) {
	for i := range r.Totals {
		t := &r.Totals[i]
		if t.Of != f.Of || t.Count != f.Count {
			continue
		}
		t.Differing++
		t.Surplus += max(0, f.Stored-f.Recounted)
		t.Lacking += max(0, f.Recounted-f.Stored)
		if f.Repaired {
			t.Repaired++
		}
	}
}
