package cache

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Lists keeps append-only lists in Redis, which one group of writers prepares for many readers, and a mark beside them that says up to
// where they are complete.
//
// The keys of lists are divided into sections. The lists of a section and its mark are in one slot, so on one server, whose history
// replicas repeat in its order. Therefore a server that has a mark has everything that was written to the section before the mark: after a
// failover, a flush or a restart from a snapshot, the mark that is found is an older one, or none. A writer that moves the mark says
// which mark it has moved before. If the server does not have that one, it has lost writes, and the mark gets a new generation. Readers
// use only lists that were made in the generation of the mark.
//
// A writer proves in the same way that its own appends are there: each pipeline of a section ends with a count, and the mark moves only if
// the sum of these counts is right.
type Lists struct {
	redis                        *Redis
	begin, finish, replace, mark script
}

// sections is the number of sections of keys. It is the same on all nodes, and the highest number of servers among which lists divide.
const sections = 16

// countedFor is how long the count of a writer's appends is kept, which lasts as long as one batch.
const countedFor = time.Minute

// ErrAppendsLost reports that a server does not have all appends of a writer, who must repeat them.
var ErrAppendsLost = errors.New("redis has lost appends")

// NewLists returns the lists in r.
func NewLists(r *Redis) (*Lists, error) {
	l := &Lists{redis: r}
	for name, s := range map[string]*script{"begin": &l.begin, "finish": &l.finish, "replace": &l.replace, "mark": &l.mark} {
		text, err := scriptFiles.ReadFile("scripts/list_" + name + ".lua")
		if err != nil {
			return nil, fmt.Errorf("embedded script: %w", err)
		}
		*s = newScript(string(text))
	}
	return l, nil
}

// Section returns the section of an owner's list.
func Section(owner int64) int {
	h := fnv.New32a()
	_, _ = h.Write(strconv.AppendInt(nil, owner, 10)) // never fails
	return int(h.Sum32() % sections)
}

func sectionPrefix(section int) string { return listPrefix + "{" + strconv.Itoa(section) + "}:" }

func listKey(owner int64) string { return sectionPrefix(Section(owner)) + strconv.FormatInt(owner, 10) }

func markKey(section int) string { return sectionPrefix(section) + "mark" }

func countKey(section int, writer string) string { return sectionPrefix(section) + "count:" + writer }

// Mark says up to where the lists of a section are complete.
type Mark struct {
	// Generation changes when a server has lost writes. It is empty if there is no mark.
	Generation string
	// Epoch is that of the log to which the offsets belong. Everything up to Seq is in the lists, but for what Except says.
	// Everything up to Settled is in the lists without exception.
	Epoch, Seq, Settled int64
	// Except are ids of which the lists may lack something.
	Except []int64
}

// Move moves the marks of all sections.
type Move struct {
	// Last names the move before, and This one; a name is used once.
	Last, This string
	// Generation is the one that begins if a server does not have the move before, or if Renew is set.
	Generation string
	Renew      bool
	Mark       Mark // without Generation
}

// Appends are what a writer has appended, by section.
type Appends struct {
	writer string
	counts [sections]int
}

// Append is one append: elements at the end of the list of an owner.
type Append struct {
	Owner    int64
	Elements []any // strings
}

// Push appends to those lists that exist, in one pipeline for each server and 1,000 owners. writer is a name that is used once, with all
// the pushes for one move. It calls long for each list that is longer than limit afterwards.
func (l *Lists) Push(ctx context.Context, writer string, to *Appends, all []Append, limit int64, long func(owner int64)) error {
	to.writer = writer
	keys := make([]string, len(all))
	for i, a := range all {
		keys[i] = listKey(a.Owner)
	}
	groups := l.redis.groups(ctx, keys)
	errs := make([]error, len(all))
	cmds := make([]*redis.IntCmd, len(all))
	eachGroup(groups, func(g group) {
		var counts [sections]int
		err := l.redis.pipeline(ctx, g.shard, func(p redis.Pipeliner) {
			counts = [sections]int{}
			for _, i := range g.at {
				cmds[i] = p.RPushX(ctx, keys[i], all[i].Elements...)
				counts[Section(all[i].Owner)]++
			}
			for s, n := range counts {
				if n > 0 {
					p.IncrBy(ctx, countKey(s, writer), int64(n))
					p.PExpire(ctx, countKey(s, writer), countedFor)
				}
			}
		})
		for _, i := range g.at {
			if errs[i] = err; err == nil {
				errs[i] = cmds[i].Err()
			}
		}
	})
	for i, a := range all {
		if errs[i] != nil {
			l.redis.noteMoved(ctx, errs[i])
			return fmt.Errorf("append to lists: %w", errs[i])
		}
		to.counts[Section(a.Owner)]++
		if cmds[i].Val() > limit {
			long(a.Owner)
		}
	}
	return nil
}

// Move moves the marks of all sections after appends, in one pipeline for each server. It fails with ErrAppendsLost if a server does not
// have all of them; some marks may have been moved nevertheless. renewed is the number of sections in which a generation has begun.
func (l *Lists) Move(ctx context.Context, after *Appends, m Move) (renewed int, err error) {
	keys := make([]string, sections)
	for s := range sections {
		keys[s] = markKey(s)
	}
	results, errs := make([]*redis.Cmd, sections), make([]error, sections)
	renew := 0
	if m.Renew {
		renew = 1
	}
	eachGroup(l.redis.groups(ctx, keys), func(g group) {
		err := l.redis.pipeline(ctx, g.shard, func(p redis.Pipeliner) {
			for _, s := range g.at {
				results[s] = p.Eval(ctx, l.mark.text, []string{keys[s], countKey(s, after.writer)}, after.counts[s], m.Last, m.This,
					m.Generation, renew, m.Mark.Epoch, m.Mark.Seq, m.Mark.Settled, joinIDs(m.Mark.Except))
			}
		})
		for _, s := range g.at {
			errs[s] = err
		}
	})
	for s := range sections {
		moved := int64(0)
		if err := errs[s]; err == nil {
			moved, errs[s] = results[s].Int64()
		}
		switch {
		case errs[s] != nil:
			l.redis.noteMoved(ctx, errs[s])
			return renewed, fmt.Errorf("move the mark of lists: %w", errs[s])
		case moved == 0:
			return renewed, ErrAppendsLost
		case moved == 2:
			renewed++
		}
	}
	return renewed, nil
}

// Moved reports whether all marks are there and come from a move.
func (l *Lists) Moved(ctx context.Context, last string) (bool, error) {
	keys := make([]string, sections)
	for s := range sections {
		keys[s] = markKey(s)
	}
	names, errs := make([]*redis.StringCmd, sections), make([]error, sections)
	eachGroup(l.redis.groups(ctx, keys), func(g group) {
		err := l.redis.pipeline(ctx, g.shard, func(p redis.Pipeliner) {
			for _, s := range g.at {
				names[s] = p.HGet(ctx, keys[s], "this")
			}
		})
		for _, s := range g.at {
			errs[s] = err
		}
	})
	for s := range sections {
		if errs[s] != nil {
			return false, fmt.Errorf("read the mark of lists: %w", errs[s])
		}
		switch name, err := names[s].Result(); {
		case err != nil && !errors.Is(err, redis.Nil):
			return false, fmt.Errorf("read the mark of lists: %w", err)
		case name != last:
			return false, nil
		}
	}
	return true, nil
}

// joinIDs returns ids with a comma before each of them.
func joinIDs(ids []int64) string {
	var b []byte
	for _, id := range ids {
		b = strconv.AppendInt(append(b, ','), id, 10)
	}
	return string(b)
}
