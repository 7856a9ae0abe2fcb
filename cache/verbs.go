package cache

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/internal/parallel"
)

// embeddedFence stands for the reign of a Redis in the process: it ends with it.
const embeddedFence = "embedded"

// epochSuffix is what the epoch of the log adds to the fence of a server: entries of another epoch count as absent. Epoch 0,
// of processes that follow no log, adds nothing.
func epochSuffix(epoch int64) string {
	if epoch == 0 {
		return ""
	}
	return ":" + strconv.FormatInt(epoch, 10)
}

// SetEpoch has the tier use entries of an epoch of the log only, from the next read on: the rows of another epoch may be
// newer than what SQL has by now. What was owed or suspended before concerned other entries.
func (t *Tier) SetEpoch(epoch int64) {
	d := &t.owed
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.epoch.Swap(epoch) != epoch {
		d.forget()
	}
}

// Epoch is the epoch of the log that reads and writes which begin now belong to.
func (t *Tier) Epoch() int64 { return t.epoch.Load() }

// group is the part of a batch that one server answers; shard is nil where none is known.
type group struct {
	shard *shard
	at    []int
}

// groups splits a batch by server, and into parts of at most r.batch.
func (r *Redis) groups(ctx context.Context, keys []string) []group {
	var all []group
	open := map[*shard]int{}
	put := func(s *shard, i int) {
		g, ok := open[s]
		if !ok || len(all[g].at) == r.batch {
			g = len(all)
			open[s] = g
			all = append(all, group{shard: s, at: make([]int, 0, min(len(keys), r.batch))})
		}
		all[g].at = append(all[g].at, i)
	}
	if r.only != nil {
		for i := range keys {
			put(r.only, i)
		}
		return all
	}
	// One look at the layout for all; where it fails the rest has no server.
	known := 0
	_ = r.asked(ctx, &r.layout, func(ctx context.Context) error {
		for ; known < len(keys); known++ {
			s, err := r.shardOf(ctx, keys[known])
			if err != nil {
				return err
			}
			put(s, known)
		}
		return nil
	})
	for ; known < len(keys); known++ {
		put(nil, known)
	}
	return all
}

// eachGroup runs fn for every group, those of one server in order, servers at once.
func eachGroup(all []group, fn func(g group)) {
	if len(all) == 1 {
		fn(all[0])
		return
	}
	parts := map[*shard][]group{}
	for _, g := range all {
		parts[g.shard] = append(parts[g.shard], g)
	}
	var calls []func()
	for _, part := range parts {
		calls = append(calls, func() {
			for _, g := range part {
				fn(g)
			}
		})
	}
	parallel.Run(calls...)
}

// pipeline sends commands to one server. The error is that of the server; each command has its own.
func (r *Redis) pipeline(ctx context.Context, s *shard, add func(p redis.Pipeliner)) error {
	if s == nil {
		return ErrDown
	}
	return r.asked(ctx, &s.breaker, func(ctx context.Context) error {
		pipe := s.client.Pipeline()
		add(pipe)
		cmds, err := pipe.Exec(ctx)
		if err != nil && len(cmds) > 0 {
			// A connection that fails fails all commands after it; answers that are errors do not.
			if err = cmds[len(cmds)-1].Err(); !away(err) {
				return nil
			}
		}
		return err
	})
}

// fenceArg is what the verbs get: the fence, or only what follows the server's own part, for which they ask it.
func (r *Redis) fenceArg(epoch int64) string {
	if r.Embedded() {
		return embeddedFence + epochSuffix(epoch)
	}
	return epochSuffix(epoch)
}

// fenceOf reads the reign from INFO replication: the replication id, which is new whenever a process
// begins to take writes, at its start or at a promotion. The id of a process would not do: one that is
// demoted and promoted again would take up entries of its first reign. A replica has none.
func fenceOf(info string) string {
	if !strings.Contains(info, "role:master") {
		return ""
	}
	_, rest, _ := strings.Cut(info, "master_replid:")
	if len(rest) < 40 {
		return ""
	}
	return rest[:40]
}

// seen is what a plain read tells of a key.
type seen struct {
	value Value
	hit   bool
	away  bool // the server was not there
}

// read looks keys up, without scripts: one pipeline a server. Of keys that the caller holds it asks for the
// version alone; those that turn out to be at another take a second pipeline.
func (t *Tier) read(ctx context.Context, keys []string, held []int64) []seen {
	out := make([]seen, len(keys))
	eachGroup(t.redis.groups(ctx, keys), func(g group) {
		if moved := t.readGroup(ctx, g, keys, held, out); len(moved) > 0 {
			t.readGroup(ctx, group{g.shard, moved}, keys, nil, out)
		}
	})
	return out
}

// look asks one server for the fields of entries, e, v and, unless the caller holds the key, d, and under which
// reign it answers.
func (t *Tier) look(ctx context.Context, g group, keys []string, held []int64) (cmds []*redis.SliceCmd, fence string, err error) {
	var info *redis.StringCmd
	epoch := t.Epoch()
	cmds = make([]*redis.SliceCmd, len(g.at))
	err = t.redis.pipeline(ctx, g.shard, func(p redis.Pipeliner) {
		if !t.redis.Embedded() {
			info = p.Info(ctx, "replication")
		}
		for i, at := range g.at {
			if held != nil && held[at] != 0 {
				cmds[i] = p.HMGet(ctx, keys[at], "e", "v")
			} else {
				cmds[i] = p.HMGet(ctx, keys[at], "e", "v", "d")
			}
		}
	})
	fence = embeddedFence
	if err == nil && info != nil {
		fence = fenceOf(info.Val())
	}
	if fence != "" {
		fence += epochSuffix(epoch)
	}
	return cmds, fence, err
}

// readGroup reads what one server has, and gives back what is not at the version held.
func (t *Tier) readGroup(ctx context.Context, g group, keys []string, held []int64, out []seen) (moved []int) {
	cmds, fence, err := t.look(ctx, g, keys, held)
	for i, at := range g.at {
		if err != nil {
			out[at].away = true
			continue
		}
		t.redis.noteMoved(ctx, cmds[i].Err())
		fields := cmds[i].Val()
		out[at].value, out[at].hit = entryOf(fields, fence)
		if len(fields) == 2 && out[at].hit && out[at].value.Version != held[at] && out[at].value.Version != 0 {
			out[at].hit = false
			moved = append(moved, at)
		}
	}
	return moved
}

// entryOf reads the fields e, v and, unless it was not asked for, d.
func entryOf(fields []any, fence string) (Value, bool) {
	if len(fields) < 2 || fence == "" {
		return Value{}, false
	}
	e, _ := fields[0].(string)
	v, ok := fields[1].(string)
	d := ""
	if len(fields) == 3 {
		d, _ = fields[2].(string)
	}
	if e != fence || !ok {
		return Value{}, false
	}
	return valueOf(v, d)
}

func valueOf(version, data string) (Value, bool) {
	var n int64
	for _, c := range []byte(version) {
		if c < '0' || c > '9' || n > MaxVersion {
			return Value{}, false
		}
		n = n*10 + int64(c-'0')
	}
	return Value{Version: n, Data: data}, version != ""
}

// reply is what a verb answered, or why it did not.
type reply struct {
	word   string
	fields []any
	err    error
	from   *shard // nil if no server is known
}

// do runs a verb on keys, one pipeline a server; args returns the epoch, and what follows the fence. Every script has one
// key, so a cluster takes them in any mixture.
func (t *Tier) do(ctx context.Context, s script, keys []string, args func(i int) (epoch int64, rest []any)) []reply {
	out := make([]reply, len(keys))
	withFence := func(i int) []any {
		epoch, rest := args(i)
		return append([]any{t.redis.fenceArg(epoch)}, rest...)
	}
	eachGroup(t.redis.groups(ctx, keys), func(g group) {
		left := t.send(ctx, s, g, keys, withFence, out, false)
		if len(left) > 0 {
			// The server does not know the script: it started lately, or somebody flushed its scripts.
			left = t.send(ctx, s, group{g.shard, left}, keys, withFence, out, true)
		}
		t.redirect(ctx, s, g, keys, withFence, out)
		for _, i := range left {
			out[i].err = fmt.Errorf("redis does not keep scripts: %w", out[i].err)
		}
	})
	return out
}

// send runs one pipeline and gives back what the server did not know the script for. With text the first
// command brings the script along.
func (t *Tier) send(ctx context.Context, s script, g group, keys []string, args func(i int) []any, out []reply, text bool) (unknown []int) {
	cmds := make([]*redis.Cmd, len(g.at))
	err := t.redis.pipeline(ctx, g.shard, func(p redis.Pipeliner) {
		for i, at := range g.at {
			if text && i == 0 {
				cmds[i] = p.Eval(ctx, s.text, []string{keys[at]}, args(at)...)
			} else {
				cmds[i] = p.EvalSha(ctx, s.sha, []string{keys[at]}, args(at)...)
			}
		}
	})
	for i, at := range g.at {
		if err != nil {
			out[at] = reply{err: err, from: g.shard}
			continue
		}
		out[at] = replyOf(cmds[i])
		out[at].from = g.shard
		if redis.HasErrorPrefix(out[at].err, "NOSCRIPT") {
			unknown = append(unknown, at)
		}
	}
	return unknown
}

// redirect sends again, through the client that follows redirections, what belongs to another server of
// the cluster by now.
func (t *Tier) redirect(ctx context.Context, s script, g group, keys []string, args func(i int) []any, out []reply) {
	cluster, ok := t.redis.client.(*redis.ClusterClient)
	if !ok {
		return
	}
	short, cancel := context.WithTimeout(ctx, t.redis.patience(time.Now()))
	defer cancel()
	pipe := cluster.Pipeline()
	var moved []int
	var cmds []*redis.Cmd
	for _, at := range g.at {
		_, isMoved := redis.IsMovedError(out[at].err)
		_, isAsk := redis.IsAskError(out[at].err)
		if isMoved || isAsk {
			t.redis.noteMoved(ctx, out[at].err)
			moved = append(moved, at)
			cmds = append(cmds, pipe.Eval(short, s.text, []string{keys[at]}, args(at)...))
		}
	}
	if len(moved) == 0 {
		return
	}
	_, _ = pipe.Exec(short) // each command has its own error
	for i, at := range moved {
		out[at] = replyOf(cmds[i])
	}
}

func replyOf(cmd *redis.Cmd) reply {
	if cmd.Err() != nil {
		return reply{err: cmd.Err()}
	}
	switch v := cmd.Val().(type) {
	case string:
		return reply{word: v}
	case []any:
		if len(v) > 0 {
			word, _ := v[0].(string)
			return reply{word: word, fields: v[1:]}
		}
	}
	return reply{err: fmt.Errorf("a script answered %v", cmd.Val())}
}

// ms is a duration as an argument, in whole milliseconds, at least 1.
func ms(d time.Duration) int64 { return max(d.Milliseconds(), 1) }
