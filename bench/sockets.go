package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"roost/bench/load"
	"roost/bench/ops"
	"roost/bench/report"
	"roost/bench/rig"
	"roost/bench/shares"
	"roost/internal/ids"
)

// sockets measures pushes of counts: many sockets on one tweet, while viewers like and dislike it.
func (b *bench) sockets(ctx context.Context) (*report.Measurement, error) {
	m := &report.Measurement{Operation: socketsOperation, Title: fmt.Sprintf("%d sockets on one tweet's counts", b.Sockets),
		Load: report.Sockets, Rate: b.Likes, Sockets: b.Sockets}
	return m, b.pushes(ctx, m, b.Rounds, func(ctx context.Context, t *rig.Target) []*listeners {
		return []*listeners{b.onCounts(t, b.Sockets, 0, b.Likes, 2*b.Duration)}
	})
}

// deliveries measures pushes of tweets. Half of the sockets subscribe to home timelines of fans of an author who tweets. The others
// subscribe to home timelines of strangers, who must not receive a tweet.
func (b *bench) deliveries(ctx context.Context) (*report.Measurement, error) {
	fans := (b.Sockets + 1) / 2
	m := &report.Measurement{Operation: deliveriesOperation,
		Title: fmt.Sprintf("an author's tweets to %d of %d sockets on home timelines", fans, b.Sockets),
		Load:  report.Sockets, Rate: b.Posts, Sockets: b.Sockets}
	if err := errors.Join(room(fans, b.world.Fans), room(b.Sockets-fans, b.world.Strangers)); err != nil {
		return nil, err
	}
	return m, b.pushes(ctx, m, b.Rounds, func(ctx context.Context, t *rig.Target) []*listeners {
		all := []*listeners{b.onHomes(t, fans, 0, b.Posts, 2*b.Duration)}
		if n := b.Sockets - fans; n > 0 {
			all = append(all, &listeners{sockets: n, mark: ops.Number, join: b.homes(t, b.world.Strangers, b.world.Strangers[0], fans)})
		}
		return all
	})
}

// crowd measures the memory of very many sockets. Half of them subscribe to one tweet's counts, the others to the home timelines of an
// author's fans. Then all of them receive a few pushes.
func (b *bench) crowd(ctx context.Context) (*report.Measurement, error) {
	// Connections for requests come on top, and in the server its connections to the stores.
	if err := rig.Files(b.Crowd + 500); err != nil {
		return nil, err
	}
	fans := b.Crowd / 2
	if err := room(fans, b.world.Fans); err != nil {
		return nil, err
	}
	m := &report.Measurement{Operation: crowdOperation, Title: fmt.Sprintf("memory of %d sockets", b.Crowd), Load: report.Memory,
		Sockets: b.Crowd}
	return m, b.pushes(ctx, m, 1, func(ctx context.Context, t *rig.Target) []*listeners {
		return []*listeners{
			b.onCounts(t, b.Crowd-fans, 0, 1, b.Duration),
			b.onHomes(t, fans, b.Crowd-fans, 1, 0),
		}
	})
}

// perUser is how many sockets a viewer may have, of the 64 that Roost allows.
const perUser = 60

// room fails if the viewers may not have so many sockets.
func room(sockets int, viewers []ops.Viewer) error {
	if most := perUser * len(viewers); sockets > most {
		return fmt.Errorf("%d sockets are too many for %d viewers, who may have %d: ask for more -viewers", sockets, len(viewers), most)
	}
	return nil
}

// pushes measures in rounds. Every run has listeners of its own.
func (b *bench) pushes(ctx context.Context, m *report.Measurement, rounds int,
	kinds func(context.Context, *rig.Target) []*listeners) error {
	for i := range rounds {
		say("%s, round %d of %d", m.Operation, i+1, rounds)
		round, err := b.round(i, func(t *rig.Target) (report.Sample, error) {
			return b.push(ctx, t, func() []*listeners { return kinds(ctx, t) }, nil)
		})
		if err != nil {
			return err
		}
		m.Rounds = append(m.Rounds, round)
	}
	m.Summarize()
	if m.Load == report.Memory {
		return nil
	}
	// The profile has a run of its own, which does not count: it needs memory, which would be counted as that of the sockets.
	say("%s, profile", m.Operation)
	t, profile := b.rig.Roost, &shares.Profile{}
	if _, err := b.push(ctx, t, func() []*listeners { return kinds(ctx, t) }, profile); err != nil {
		return fmt.Errorf("%s, for the profile: %w", t.Name, err)
	}
	b.keepProfile(m, profile)
	return nil
}

// onCounts returns sockets that subscribe to the counts of the most liked tweet.
func (b *bench) onCounts(t *rig.Target, n, from int, rate float64, while time.Duration) *listeners {
	tweet := ids.TweetID(b.world.Viral).String()
	l := &listeners{sockets: n, mark: load.Revision, rate: rate, while: while, change: b.likes(t)}
	l.join = func(ctx context.Context, i int) (*websocket.Conn, error) {
		if t == b.rig.Roost {
			// The acknowledgement, then the current state.
			return b.open(ctx, t, from+i, "", 2, ops.CountsQuery, map[string]any{"ids": []string{tweet}})
		}
		return dial(ctx, "ws://"+t.Addr+"/live?tweet="+tweet, from+i, 1)
	}
	return l
}

// likes makes the viewers like and dislike the tweet.
func (b *bench) likes(t *rig.Target) load.Source {
	if t == b.rig.Roost {
		return b.flips.Roost.Source(0, 1)
	}
	return b.flips.Baseline.Source(0, 1)
}

// onHomes are sockets of the author's fans.
func (b *bench) onHomes(t *rig.Target, n, from int, rate float64, while time.Duration) *listeners {
	return &listeners{sockets: n, mark: ops.Number, rate: rate, while: while, exact: true,
		change: b.world.Posts(server(t), t == b.rig.Baseline), join: b.homes(t, b.world.Fans, b.world.Author, from)}
}

// homes joins viewers' home timelines, some viewers several times. All begin at one position of the log, so
// that nothing is missed until a subscription has begun. With the baseline they subscribe to one author.
func (b *bench) homes(t *rig.Target, viewers []ops.Viewer, author ops.Viewer,
	from int) func(context.Context, int) (*websocket.Conn, error) {
	var once sync.Once
	var after string
	var failed error
	return func(ctx context.Context, i int) (*websocket.Conn, error) {
		if t == b.rig.Baseline {
			return dial(ctx, "ws://"+t.Addr+"/live?author="+url.QueryEscape(ids.UserID(author.ID).String()), from+i, 1)
		}
		once.Do(func() { after, failed = b.world.EventCursor(ctx, server(t)) })
		if failed != nil {
			return nil, failed
		}
		return b.open(ctx, t, from+i, viewers[i%len(viewers)].Key, 1, ops.HomeQuery, map[string]any{"after": after})
	}
}

// checkPush compares a tweet that comes to a fan with what SQL says.
func (b *bench) checkPush(ctx context.Context, t *rig.Target) (err error) {
	fan := b.onHomes(t, 1, 0, 1, 0)
	ws, err := fan.join(ctx, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ws.Close()) }()
	conn, err := load.Dial(ctx, t.Addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := fan.make(conn); err != nil {
		return err
	}
	if err := ws.SetReadDeadline(time.Now().Add(load.Patience)); err != nil {
		return err
	}
	_, message, err := ws.ReadMessage()
	if err != nil {
		return err
	}
	return b.world.CheckPush(ctx, server(t), message)
}

// open opens a socket to Roost, signed in if there is a key, and subscribes. It waits for so many messages.
func (b *bench) open(ctx context.Context, t *rig.Target, i int, key string, messages int, query string,
	variables map[string]any) (*websocket.Conn, error) {
	start := map[string]any{"type": "connection_init"}
	if key != "" {
		start["payload"] = map[string]any{"Authorization": "Bearer " + key}
	}
	subscribe := map[string]any{"id": "1", "type": "subscribe", "payload": map[string]any{"query": query, "variables": variables}}
	return dial(ctx, "ws://"+t.Addr+"/graphql", i, messages, start, subscribe)
}

// perAddress is how many sockets come from one address, of the 2,000 that Roost allows.
const perAddress = 1000

// dial opens the socket with an index, says something if there is anything to say, and waits for so many
// messages.
func dial(ctx context.Context, url string, i, messages int, says ...any) (*websocket.Conn, error) {
	d := websocket.Dialer{ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}
	if len(says) > 0 {
		d.Subprotocols = []string{"graphql-transport-ws"}
	}
	if i >= perAddress { // further addresses of this machine
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i/perAddress))}}
		d.NetDialContext = from.DialContext
	}
	conn, res, err := d.DialContext(ctx, url, nil)
	if err != nil {
		if res != nil {
			err = fmt.Errorf("%w: %s", err, res.Status)
		}
		return nil, err
	}
	err = errors.Join(res.Body.Close(), conn.SetReadDeadline(time.Now().Add(load.Patience)))
	for _, v := range says {
		if err == nil {
			var text []byte
			if text, err = json.Marshal(v); err == nil {
				err = conn.WriteMessage(websocket.TextMessage, text)
			}
		}
		if err == nil && messages > 0 {
			_, _, err = conn.ReadMessage()
			messages--
		}
	}
	for ; messages > 0 && err == nil; messages-- {
		_, _, err = conn.ReadMessage()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, conn.SetReadDeadline(time.Time{})
}
