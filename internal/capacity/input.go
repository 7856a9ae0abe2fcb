package capacity

import (
	"errors"
	"flag"
	"fmt"
)

// Input is the site that is asked about. Rates are in a second.
type Input struct {
	// Users have accounts. The rows of ActiveUsers are in Redis at the same time.
	Users, ActiveUsers int64
	// Reads are home timeline pages.
	Reads int64
	// Tweets is the mean rate, from which storage follows, and PeakTweets the highest one, from which everything else does.
	Tweets, PeakTweets int64
	Reactions          int64
	// Sockets are open at the same time, each with a subscription to a home timeline and one to the counts on the screen.
	Sockets int64
	// CountUpdates is how many new states of counts a socket receives in a second.
	CountUpdates float64
	// Followers is how many followers the author of a tweet has, in the mean over tweets. 0 takes the measured data set's.
	Followers float64
	// WarmDays is for how many days a tweet is read so often that Redis holds it.
	WarmDays float64
	// Cores is how many processors a node has, and PostgresCores how many the largest server that can be had for PostgreSQL.
	Cores, PostgresCores int64
	// Utilization is the share of the processors that is used at the highest rates, above 0 and at most 1.
	Utilization float64
}

// Limits of inputs. What is above them is a slip of the pen.
const (
	maxCount    = 1e11
	maxRate     = 1e9
	maxSize     = 1e5 // processors, days
	maxPerUser  = 1e9
	maxUpdates  = 1e3
	minUsedPart = 0.01
)

// Flags defines the flags of the inputs, with their defaults.
func (in *Input) Flags(f *flag.FlagSet) {
	f.Int64Var(&in.Users, "users", 150_000_000, "`accounts`")
	f.Int64Var(&in.ActiveUsers, "active-users", 15_000_000, "`users` whose rows are in Redis at the same time")
	f.Int64Var(&in.Reads, "reads", 300_000, "home timeline `pages` a second")
	f.Int64Var(&in.Tweets, "tweets", 5_000, "`tweets` a second in the mean of a day, from which storage follows")
	f.Int64Var(&in.PeakTweets, "peak-tweets", 12_000, "`tweets` a second at the most")
	f.Int64Var(&in.Reactions, "reactions", 20_000, "`reactions` a second")
	f.Int64Var(&in.Sockets, "sockets", 1_500_000, "open `sockets`, each with subscriptions to a home timeline and to counts")
	f.Float64Var(&in.CountUpdates, "count-updates", 0.1, "new `states` of counts that a socket receives in a second")
	f.Float64Var(&in.Followers, "followers", 0,
		"`followers` of the author of a tweet, in the mean over tweets; 0 takes the measured data set's")
	f.Float64Var(&in.WarmDays, "warm-days", 2, "`days` for which Redis holds a tweet")
	f.Int64Var(&in.Cores, "cores", 16, "`processors` of a node")
	f.Int64Var(&in.PostgresCores, "postgres-cores", 96, "`processors` of the largest server for PostgreSQL")
	f.Float64Var(&in.Utilization, "utilization", 0.5, "`share` of the processors that is used at the highest rates, at most 1")
}

// Check returns an error that names every input that makes no sense.
func (in *Input) Check() error {
	var bad []error
	within := func(flag string, value, least, most float64) {
		if !(value >= least && value <= most) { // also if it is not a number
			bad = append(bad, fmt.Errorf("--%s must be %s to %s, not %g", flag, amount(least), amount(most), value))
		}
	}
	within("users", float64(in.Users), 1, maxCount)
	within("active-users", float64(in.ActiveUsers), 1, maxCount)
	within("reads", float64(in.Reads), 1, maxRate)
	within("tweets", float64(in.Tweets), 1, maxRate)
	within("peak-tweets", float64(in.PeakTweets), 1, maxRate)
	within("reactions", float64(in.Reactions), 1, maxRate)
	within("sockets", float64(in.Sockets), 0, maxCount)
	within("count-updates", in.CountUpdates, 0, maxUpdates)
	within("followers", in.Followers, 0, maxPerUser)
	within("warm-days", in.WarmDays, 0, maxSize)
	within("cores", float64(in.Cores), 1, maxSize)
	within("postgres-cores", float64(in.PostgresCores), 1, maxSize)
	within("utilization", in.Utilization, minUsedPart, 1)
	if in.ActiveUsers > in.Users {
		bad = append(bad, errors.New("--active-users: there are only --users"))
	}
	if in.PeakTweets < in.Tweets {
		bad = append(bad, errors.New("--peak-tweets must be at least --tweets, which is their mean"))
	}
	if in.Followers > float64(in.Users) {
		bad = append(bad, errors.New("--followers: there are only --users"))
	}
	return errors.Join(bad...)
}
