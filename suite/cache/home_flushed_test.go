package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"roost/domain/timelines"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// still is a user whose home timeline does not change.
type still struct {
	*apitest.User
	whole []timelines.Entry // as plain SQL reads it
}

// page reads a page, as the user on a node, and compares it with the timeline. Half of the pages are first pages, the others begin
// anywhere.
func (u still) page(ctx context.Context, on *apitest.User, dice *rand.Rand) error {
	from, size, below := 0, 1+dice.IntN(40), int64(0)
	if dice.IntN(2) == 0 {
		from = 1 + dice.IntN(len(u.whole))
		below = u.whole[from-1].SortKey
	}
	to := min(from+size, len(u.whole))
	page, err := rig.ReadHomePage(ctx, on.Client, size, below)
	if err != nil {
		return err
	}
	if !slices.Equal(page.Entries, u.whole[from:to]) || page.Next != (to < len(u.whole)) {
		return fmt.Errorf("the page of %d from %d is %v, more %t; want %v of %d", size, from, page.Entries, page.Next, u.whole[from:to],
			len(u.whole))
	}
	return nil
}

// Redis is flushed five times a second while 16 readers read home pages on two nodes. Each page is what SQL has: no page is empty, short
// or refused.
func TestHomePagesWhileRedisIsFlushed(t *testing.T) {
	t.Parallel()
	const viewers, authors, strangers, readers = 4, 16, 4, 16
	// A soak reads about 500 pages a second for a minute.
	pages, flushes, pace := testtime.Soak(1500, 30_000), testtime.Soak(10, 100), testtime.Soak(0, readers*2*time.Millisecond)
	c := rig.NewCluster(t, rig.Options{})
	c.WithAdmins(t)
	c.Start(t, c.Nodes)
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	all := c.Nodes[0].SignUps(t, "still", viewers+authors+strangers)
	var users []int64
	for _, u := range all {
		users = append(users, rig.UserID(t, u.ID))
	}
	for _, u := range all[:viewers] {
		u.Follow(t, all[viewers].ID) // who has more entries than a list
		for _, i := range dice.Perm(authors - 1)[:authors/2] {
			u.Follow(t, all[viewers+1+i].ID)
		}
	}
	rig.WriteHistory(t, c.Database, dice, users[viewers:viewers+authors], users[viewers+authors:], 1000)
	c.Redis.FlushAll()
	var of []still
	for i, u := range all[:viewers] {
		of = append(of, still{u, rig.WholeHome(t, c.Database, users[i])})
	}
	var read, flushed atomic.Int64
	var failed atomic.Bool
	done := func() bool {
		return failed.Load() || read.Load() >= int64(pages) && flushed.Load() >= int64(flushes)
	}
	web, began := webClient(t), time.Now()
	apitest.Parallel(t, 1+readers, func(i int) error {
		if i == readers {
			for tick := time.NewTicker(200 * time.Millisecond); !done(); <-tick.C {
				if reply, err := c.Redis.Do("FLUSHALL"); err != nil || reply != "OK" {
					failed.Store(true)
					return fmt.Errorf("flush: %q, %w", reply, err)
				}
				flushed.Add(1)
			}
			return nil
		}
		own := rand.New(rand.NewPCG(seed, uint64(i)+1))
		next := time.Now()
		for n := i; !done(); n++ {
			u := of[own.IntN(viewers)]
			if err := u.page(t.Context(), c.Writer(u.User, n, web), own); err != nil {
				failed.Store(true)
				return fmt.Errorf("reader %d, seed %d: %w", i, seed, err)
			}
			read.Add(1)
			if next = next.Add(pace); pace > 0 {
				<-time.After(time.Until(next))
			}
		}
		return nil
	})
	t.Logf("%d pages in %s, while Redis was flushed %d times", read.Load(), time.Since(began).Round(time.Millisecond), flushed.Load())
	for _, p := range c.Nodes {
		for _, source := range []string{"lists", "deeper"} {
			n, err := rig.Metric(t.Context(), p.Admin[len("http://"):], fmt.Sprintf("roost_home_pages_total{source=%q}", source))
			if err != nil || n == 0 {
				t.Errorf("no page of %s comes from %s: %v", p.URL, source, err)
			}
		}
	}
}
