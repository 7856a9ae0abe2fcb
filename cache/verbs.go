package cache

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/internal/moment"
	"roost/internal/parallel"
)

// embeddedFence is the fence of a Redis in the process, whose only epoch ends with the process.
const embeddedFence = "embedded"

// epochSuffix returns what the log's epoch adds to the fence of a server, so that entries of another epoch count as absent. Epoch 0, of
// processes that follow no log, adds nothing.
func epochSuffix(epoch int64) string {
	if epoch == 0 {
		return ""
	}
	return ":" + strconv.FormatInt(epoch, 10)
}

// SetEpoch makes the tier use only entries of one epoch of the log, from the next read on. Entries of another epoch may be newer than what
// SQL holds now. Pending invalidations and suspensions are dropped, because they concern entries of the epoch before.
func (t *Tier) SetEpoch(epoch int64) {
	d := &t.pending
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.epoch.Swap(epoch) != epoch {
		d.clear()
	}
}

// Epoch returns the log's epoch for reads and writes that begin now.
func (t *Tier) Epoch() int64 { return t.epoch.Load() }

// group is the part of a batch that belongs to one server; shard is nil if the server is not known.
type group struct {
	shard *shard
	at    []int
}

// groups splits a batch by server, in groups of at most r.batch keys.
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
	// One look at the layout serves all keys. If it fails, the other keys have no server.
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

// eachGroup calls fn for every group: the groups of one server in order, different servers in parallel.
func eachGroup(all []group, fn func(g group)) {
	if len(all) == 1 {
		fn(all[0])
		return
	}
	byServer := map[*shard][]group{}
	for _, g := range all {
		byServer[g.shard] = append(byServer[g.shard], g)
	}
	var calls []func()
	for _, groups := range byServer {
		calls = append(calls, func() {
			for _, g := range groups {
				fn(g)
			}
		})
	}
	parallel.Run(calls...)
}

// pipeline sends commands to one server. It returns an error if the server cannot be used; each command has an error of its own. If the
// connection is lost meanwhile, all commands are sent once more on another one: each of them may be repeated.
func (r *Redis) pipeline(ctx context.Context, s *shard, add func(p redis.Pipeliner)) error {
	if s == nil {
		return ErrDown
	}
	return r.asked(ctx, &s.breaker, func(ctx context.Context) error {
		send := func() error {
			pipe := s.client.Pipeline()
			add(pipe)
			cmds, err := pipe.Exec(ctx)
			if err != nil && len(cmds) > 0 {
				// If a connection fails, so do all later commands. An error that Redis returns for one command fails only that one.
				if err = cmds[len(cmds)-1].Err(); !away(err) {
					return nil
				}
			}
			return err
		}
		err := send()
		if isLost(err) {
			err = send()
		}
		return err
	})
}

// fenceArg returns the fence as the scripts take it: complete, or without the replication id, which they then read themselves.
func (r *Redis) fenceArg(epoch int64) string {
	if r.Embedded() {
		return embeddedFence + epochSuffix(epoch)
	}
	return epochSuffix(epoch)
}

// fenceOf returns the replication id from INFO replication, or "" for a replica. A server gets a new id whenever it begins to accept
// writes, at its start or at a promotion. The id of the process would not do: a server that is demoted and promoted again would serve
// entries of its first time as a primary.
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

// readResult is the result of a plain read of one key.
type readResult struct {
	value Value
	hit   bool
	away  bool  // the server is unreachable
	copy  *Copy // in the process; nil if the value is from Redis
}

// lookup returns what a read asks for. The read then looks up pending invalidations: those of writes that the moment's position covers
// must be among them.
func (t *Tier) lookup(ctx context.Context, keys []string) lookup {
	of := lookup{keys: keys, epoch: t.Epoch(), moment: moment.From(ctx)}
	of.number = of.moment.Enter(t.note)
	return of
}

// read looks keys up without scripts. Copies in the process and what they lack take one shared round trip a server; see coherence.
// Keys that cannot be read in this way take a pipeline of their own, in which only the version is asked for if the caller holds the
// key. Those of them that turn out to be at another version take a second pipeline.
func (t *Tier) read(ctx context.Context, of lookup, held []int64) []readResult {
	keys := of.keys
	out := make([]readResult, len(keys))
	eachGroup(t.redis.groups(ctx, keys), func(g group) {
		left := t.redis.coherence.read(ctx, of, g, out)
		if len(left) == 0 {
			return
		}
		if moved := t.readGroup(ctx, group{g.shard, left}, keys, held, out); len(moved) > 0 {
			t.readGroup(ctx, group{g.shard, moved}, keys, nil, out)
		}
	})
	return out
}

// look asks one server for the fields of entries: e and v, and d unless the caller holds the key. It also returns the fence under which
// the server answers.
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

// readGroup looks up keys on one server. It returns the indexes of keys that are not at the version held.
func (t *Tier) readGroup(ctx context.Context, g group, keys []string, held []int64, out []readResult) (moved []int) {
	cmds, fence, err := t.look(ctx, g, keys, held)
	for i, at := range g.at {
		out[at] = readResult{}
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

// reply is a script's answer, or the error.
type reply struct {
	word   string
	fields []any
	err    error
	from   *shard // nil if no server is known
}

// do runs a script on keys, in one pipeline a server. args returns the epoch and the arguments after the fence. Every script has one key,
// so a cluster accepts any mixture of keys.
func (t *Tier) do(ctx context.Context, s script, keys []string, args func(i int) (epoch int64, rest []any)) []reply {
	out := make([]reply, len(keys))
	if len(keys) == 0 {
		return out
	}
	defer t.redis.coherence.changing(keys)()
	withFence := func(i int) []any {
		epoch, rest := args(i)
		return append([]any{t.redis.fenceArg(epoch)}, rest...)
	}
	eachGroup(t.redis.groups(ctx, keys), func(g group) {
		left := t.send(ctx, s, g, keys, withFence, out, false)
		if len(left) > 0 {
			// The server does not have the script: it has restarted, or its scripts were flushed.
			left = t.send(ctx, s, group{g.shard, left}, keys, withFence, out, true)
		}
		t.redirect(ctx, s, g, keys, withFence, out)
		for _, i := range left {
			out[i].err = fmt.Errorf("redis does not store scripts: %w", out[i].err)
		}
	})
	return out
}

// send runs one pipeline. It returns the indexes of keys for which the server did not have the script. If text is true, the first command
// contains the script's text.
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

// redirect repeats the commands whose key has moved to another server of the cluster, through the client that follows redirections.
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
	return reply{err: fmt.Errorf("a script returned %v", cmd.Val())}
}

// ms converts a duration to whole milliseconds, at least 1.
func ms(d time.Duration) int64 { return max(d.Milliseconds(), 1) }
