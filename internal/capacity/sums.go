package capacity

import "math"

// Sums are what a site needs. Rates are in a second; processors are whole ones at full use.
type Sums struct {
	Events, RowsWritten, WALBytes float64
	TweetPushes, CountPushes      float64

	// ServerCores is what all nodes need together without their tails. TailCores is what the tail of each node needs, however many
	// nodes there are.
	ServerCores, TailCores float64
	// Nodes is 0 if no number of nodes suffices, because a node's processors would do nothing but follow the log.
	Nodes          int64
	SocketsPerNode float64
	SocketBytes    float64

	RedisCores              float64
	RedisServers            int64
	RedisKeys, RedisBytes   float64
	RedisNetwork            float64
	PostgresCores           float64
	UserBytes               float64
	TweetBytesADay          float64
	ReactionBytesADay       float64
	EventBytesADay          float64
	AnswerBytes             float64
	Followers, OnlinePart   float64
	UserRows, TweetRowsADay float64
}

const (
	second = 1e6 // in µs
	day    = 24 * 60 * 60
)

// Compute returns what a site needs.
func Compute(in Input, f *Figures) Sums {
	reads, tweets, reactions := float64(in.Reads), float64(in.PeakTweets), float64(in.Reactions)
	s := Sums{Followers: in.Followers, OnlinePart: math.Min(1, float64(in.Sockets)/float64(in.Users))}
	if s.Followers == 0 {
		s.Followers = f.Sizes.Population.TweetFollowers
	}
	s.TweetPushes = tweets * s.Followers * s.OnlinePart
	s.CountPushes = float64(in.Sockets) * in.CountUpdates
	writes := func(of func(footprint) float64) float64 { return tweets*of(f.tweet) + reactions*of(f.react) }
	s.Events = writes(func(p footprint) float64 { return p.Events })
	s.RowsWritten = writes(func(p footprint) float64 { return p.Rows })
	s.WALBytes = writes(func(p footprint) float64 { return p.WALBytes })

	cores := func(of func(cost) float64) float64 {
		return (reads*of(f.home.cost) + writes(func(p footprint) float64 { return of(p.cost) }) +
			s.TweetPushes*of(f.tweetPush) + s.CountPushes*of(f.countPush)) / second
	}
	s.ServerCores = cores(func(c cost) float64 { return c.Server })
	s.PostgresCores = cores(func(c cost) float64 { return c.Postgres })
	s.TailCores = s.Events * f.tail.Node / second
	s.nodes(in, f)
	s.RedisCores = cores(func(c cost) float64 { return c.Redis }) + s.others()*s.Events*f.tail.Redis/second
	s.RedisServers = whole(s.RedisCores / in.Utilization)

	active, warm := float64(in.ActiveUsers), float64(in.Tweets)*day*in.WarmDays
	s.RedisKeys = active*float64(len(userEntries)) + warm*float64(len(tweetEntries))
	s.RedisBytes = active*f.key(userEntries...) + warm*f.key(tweetEntries...)
	s.RedisNetwork = reads*f.home.RedisBytes + writes(func(p footprint) float64 { return p.RedisBytes })

	follows := f.Sizes.Population.Follows / f.Sizes.Population.Users
	rows, bytes := f.eachUser()
	s.UserRows, s.UserBytes = float64(in.Users)*(rows+follows), float64(in.Users)*(bytes+follows*f.row("follows"))
	rows, bytes = f.eachTweet()
	s.TweetRowsADay, s.TweetBytesADay = float64(in.Tweets)*day*rows, float64(in.Tweets)*day*bytes
	s.ReactionBytesADay = reactions * day * f.row("reactions")
	s.EventBytesADay = (float64(in.Tweets)*f.tweet.Events + reactions*f.react.Events) * day * f.row("events")
	s.AnswerBytes = reads*f.home.Body + writes(func(p footprint) float64 { return p.Body })
	return s
}

// nodes finds the number of nodes. Each node follows the whole log, so what is left of its processors for requests is less than
// all; what a write costs the node that makes it includes the tail of this one node.
func (s *Sums) nodes(in Input, f *Figures) {
	left := float64(in.Cores)*in.Utilization - s.TailCores
	if left > 0 {
		s.Nodes = max(1, whole((s.ServerCores-s.TailCores)/left))
		s.SocketsPerNode = float64(in.Sockets) / float64(s.Nodes)
		s.SocketBytes = s.SocketsPerNode * f.socketBytes
	}
}

// others returns how many nodes follow the events of another one.
func (s *Sums) others() float64 { return float64(max(0, s.Nodes-1)) }

// whole rounds up, but not because of the last digits of a float.
func whole(x float64) int64 { return int64(math.Ceil(x - 1e-9)) }
