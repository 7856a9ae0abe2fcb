package cache

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/internal/gcra"
)

// Budgets keeps the debts of callers that the nodes share, see package gcra. Redis may lose them: each node repeats what
// was spent through it.
type Budgets struct {
	redis *Redis
	spend script
}

// NewBudgets returns the debts in r.
func NewBudgets(r *Redis) (*Budgets, error) {
	text, err := scriptFiles.ReadFile("scripts/spend.lua")
	if err != nil {
		return nil, fmt.Errorf("embedded script: %w", err)
	}
	return &Budgets{redis: r, spend: newScript(string(text))}, nil
}

// Spend adds spendings to debts, in one pipeline for each server of Redis, and sets the results. Each script has one key, so the keys
// may be on any servers. An entry that could not be added has an error; it may have been added nevertheless.
func (b *Budgets) Spend(ctx context.Context, entries []gcra.Entry) {
	keys := make([]string, len(entries))
	for i := range entries {
		keys[i] = budgetKey(entries[i].Key)
	}
	eachGroup(b.redis.groups(ctx, keys), func(g group) {
		unknown := b.send(ctx, g, keys, entries, false)
		if len(unknown) > 0 { // the server has restarted
			b.send(ctx, group{g.shard, unknown}, keys, entries, true)
		}
	})
}

// send runs one pipeline. It returns the indexes of the entries for which the server did not have the script. If text is true, the first
// command contains the script's text.
func (b *Budgets) send(ctx context.Context, g group, keys []string, entries []gcra.Entry, text bool) (unknown []int) {
	cmds := make([]*redis.Cmd, len(g.at))
	err := b.redis.pipeline(ctx, g.shard, func(p redis.Pipeliner) {
		for i, at := range g.at {
			e := &entries[at]
			args := []any{micros(e.Cost), micros(e.Age), micros(e.Least), micros(e.Most)}
			if text && i == 0 {
				cmds[i] = p.Eval(ctx, b.spend.text, keys[at:at+1], args...)
			} else {
				cmds[i] = p.EvalSha(ctx, b.spend.sha, keys[at:at+1], args...)
			}
		}
	})
	for i, at := range g.at {
		e := &entries[at]
		if e.Err = err; err != nil {
			continue
		}
		var answer string
		if answer, e.Err = cmds[i].Text(); e.Err != nil {
			b.redis.noteMoved(ctx, e.Err)
			if redis.HasErrorPrefix(e.Err, "NOSCRIPT") {
				unknown = append(unknown, at)
			}
			continue
		}
		var debt int64
		debt, e.Err = strconv.ParseInt(answer, 10, 64)
		e.Debt = time.Duration(debt) * time.Microsecond
	}
	return unknown
}

func micros(d time.Duration) int64 { return d.Microseconds() }
