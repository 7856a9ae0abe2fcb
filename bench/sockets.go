package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"

	"roost/bench/load"
	"roost/bench/ops"
	"roost/bench/report"
	"roost/bench/rig"
	"roost/internal/ids"
)

// sockets measures pushes: many sockets on one tweet's counts, while viewers like and dislike it.
func (b *bench) sockets(ctx context.Context) (*report.Measurement, error) {
	m := &report.Measurement{Operation: socketsOperation, Title: fmt.Sprintf("%d sockets on one tweet's counts", b.Sockets),
		Load: report.Sockets, Rate: b.Likes}
	likes := b.world.Flips()
	for i := range b.Rounds {
		say("sockets, round %d of %d", i+1, b.Rounds)
		round, err := b.round(i, func(t *rig.Target) (report.Sample, error) {
			source := likes.Baseline
			if t == b.rig.Roost {
				source = likes.Roost
			}
			return b.push(ctx, t, source.Source(0, 1))
		})
		if err != nil {
			return nil, err
		}
		m.Rounds = append(m.Rounds, round)
	}
	m.Summarize()
	return m, nil
}

// push is one run. The server starts anew, so that the memory of the sockets can be told from what earlier
// runs left behind.
func (b *bench) push(ctx context.Context, t *rig.Target, like load.Source) (s report.Sample, err error) {
	if err := t.Restart(ctx); err != nil {
		return s, err
	}
	// One like before: what the first one sets up, such as connections, is no part of the memory of sockets.
	conn, err := load.Dial(ctx, t.Addr)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	last, err := setLike(conn, like)
	if err != nil {
		return s, err
	}
	empty, err := t.Memory()
	if err != nil {
		return s, err
	}
	crowd, err := load.Gather(ctx, b.Sockets, func(ctx context.Context) (*websocket.Conn, error) { return b.join(ctx, t) })
	if err != nil {
		return s, err
	}
	before, err := t.Usage()
	start := time.Now()
	if err != nil {
		return s, errors.Join(err, closeCrowd(crowd))
	}
	due, last, err := b.likes(ctx, conn, like, last)
	if err == nil {
		waiting, cancel := context.WithTimeout(ctx, load.Patience)
		err = crowd.Await(waiting, last)
		cancel()
	}
	elapsed := time.Since(start)
	after, usageErr := t.Usage()
	full, memoryErr := t.Memory()
	if err := errors.Join(err, usageErr, memoryErr); err != nil {
		return s, errors.Join(err, closeCrowd(crowd))
	}
	d, err := crowd.Close(due)
	if err != nil {
		return s, err
	}
	s = sampleOf(&d.Latency, elapsed, after.Sub(before))
	s.Last, s.LastMax = ms(d.Last.Quantile(0.5)), ms(d.Last.Max())
	s.Arrived = float64(d.Latency.Count()) / float64(d.Expected)
	s.KiB = float64(full-empty) / 1024 / float64(b.Sockets)
	return s, nil
}

func closeCrowd(c *load.Crowd) error {
	_, err := c.Close(nil)
	return err
}

// likes sets reactions at a fixed rate, each when it is due, and gives the times they were due by revision.
// Last is the revision before, and the one after.
func (b *bench) likes(ctx context.Context, conn *load.Conn, like load.Source, last int64) (due map[int64]time.Time, _ int64, err error) {
	due = map[int64]time.Time{}
	pace := load.NewPacer(time.Now(), b.Likes, 2*b.Duration)
	for at, ok := pace.Due(); ok; at, ok = pace.Due() {
		wait := time.NewTimer(time.Until(at))
		select {
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		case <-wait.C:
		}
		// A viewer who is asked for the reaction that was there already changes nothing: the next one does.
		for before := last; last == before; {
			// Latency counts from here: how late a timer is does not belong to the push.
			at = time.Now()
			if last, err = setLike(conn, like); err != nil {
				return nil, 0, err
			}
		}
		due[last] = at
	}
	return due, last, nil
}

func setLike(conn *load.Conn, like load.Source) (revision int64, err error) {
	if err := conn.SetDeadline(time.Now().Add(load.Patience)); err != nil {
		return 0, err
	}
	status, body, err := conn.Do(like(nil))
	if err != nil {
		return 0, err
	}
	if revision = load.Revision(body); revision == 0 {
		return 0, fmt.Errorf("a like was not taken: status %d, %.300s", status, body)
	}
	return revision, nil
}

// join opens a socket and waits for the first push, which is the current state.
func (b *bench) join(ctx context.Context, t *rig.Target) (*websocket.Conn, error) {
	tweet := ids.TweetID(b.world.Viral).String()
	d := websocket.Dialer{ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}
	url, says := "ws://"+t.Addr+"/live?tweet="+tweet, []string(nil)
	if t == b.rig.Roost {
		url = "ws://" + t.Addr + "/graphql"
		d.Subprotocols = []string{"graphql-transport-ws"}
		subscribe, err := json.Marshal(map[string]any{"id": "1", "type": "subscribe",
			"payload": map[string]any{"query": ops.LiveQuery, "variables": map[string]any{"ids": []string{tweet}}}})
		if err != nil {
			return nil, err
		}
		says = []string{`{"type":"connection_init"}`, string(subscribe)}
	}
	conn, res, err := d.DialContext(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(res.Body.Close(), conn.SetReadDeadline(time.Now().Add(load.Patience))); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	for _, text := range says {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		// The acknowledgement, then the first push.
		if _, _, err := conn.ReadMessage(); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	if len(says) == 0 { // the baseline pushes without being asked
		if _, _, err := conn.ReadMessage(); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, conn.SetReadDeadline(time.Time{})
}
