package rows

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"roost/cache"
	"roost/events"
)

// BenchmarkFollow is what an event costs each node that follows the log, when its writer has invalidated: reading it,
// decoding it, and looking at its keys. Of ten events six are reactions, two tweets and two follows. Each key that
// another one shares is cached.
func BenchmarkFollow(b *testing.B) {
	for _, batch := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint("batch=", batch), func(b *testing.B) {
			r := newServerRig(b)
			all := make([]events.Event, 2000)
			for i := range all {
				n := int64(i)
				switch i % 10 {
				case 0, 1:
					all[i] = events.TweetPosted{TweetID: 1<<60 + n, AuthorID: 1<<61 + n%100, AuthorVersion: n/100 + 1}
				case 2, 3:
					all[i] = events.UserFollowed{FollowerID: 1<<61 + n%100, FolloweeID: 1<<61 + n%77, Version: 1,
						FollowerVersion: n + 2, FolloweeVersion: n + 2, FollowingVersion: n + 2}
				default:
					all[i] = events.ReactionsChanged{TweetID: 1<<60 + n%50, LikesAdded: 1,
						Changes: []events.ReactionChange{{UserID: 1<<61 + n, Kind: 1, Version: 1, ListVersion: 2}}}
				}
			}
			if err := events.Append(b.Context(), r.client, r.clock.Now(), all...); err != nil {
				b.Fatal(err)
			}
			if _, err := events.Sequence(b.Context(), r.db, 1<<20); err != nil {
				b.Fatal(err)
			}
			known, counts := r.here.invalidations(all)
			if err := errors.Join(r.here.tier.Invalidate(b.Context(), cache.Announcement{}, known...),
				r.here.renewCounts(b.Context(), counts)); err != nil {
				b.Fatal(err)
			}
			reader := events.NewReader(r.db)
			redis, own := r.redisCPU(b), ownCPU(b)
			b.ResetTimer()
			for done := 0; done < b.N; {
				at := int64(done % 2000)
				log, err := reader.After(context.Background(), at, 2000, min(batch, b.N-done))
				if err != nil {
					b.Fatal(err)
				}
				entries := log.Entries
				r.there.apply(context.Background(), events.Batch{From: at, To: at + int64(len(entries)), Entries: entries})
				done += len(entries)
			}
			b.StopTimer()
			b.ReportMetric(float64((r.redisCPU(b)-redis).Microseconds())/float64(b.N), "redis-µs/op")
			b.ReportMetric(float64((ownCPU(b)-own).Microseconds())/float64(b.N), "node-µs/op")
		})
	}
}

var cpuText = regexp.MustCompile(`used_cpu_(?:sys|user):([0-9.]+)`)

// redisCPU is the processor time that Redis has used.
func (r *rig) redisCPU(b *testing.B) (sum time.Duration) {
	b.Helper()
	info, err := r.redis.Do("INFO cpu")
	if err != nil {
		b.Fatal(err)
	}
	for _, m := range cpuText.FindAllStringSubmatch(info, -1) {
		s, _ := strconv.ParseFloat(m[1], 64)
		sum += time.Duration(s * float64(time.Second))
	}
	return sum
}

// ownCPU is the processor time that this process has used.
func ownCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
