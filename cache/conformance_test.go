package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"roost/testkit/redistest"
)

// twin runs verbs on a server and on the model's entry, and compares answers and states.
type twin struct {
	ctx     context.Context
	err     error // the first difference
	client  redis.UniversalClient
	s       scripts
	key     string
	entry   entry
	fence   int8
	fences  map[string]int8 // as the server names them
	arg     func() string   // the fence given to the scripts
	promote func()
	trace   []string
}

const (
	twinTokens, twinVersions, twinIntents = 3, 4, 2
	long                                  = 3_600_000 // ms
)

func (w *twin) eval(s script, args ...any) (words []string) {
	v, err := w.client.Eval(w.ctx, s.text, []string{w.key}, append([]any{w.arg()}, args...)...).Result()
	if err != nil {
		w.differ("%v", err)
		return []string{"", ""}
	}
	if list, ok := v.([]any); ok {
		for _, word := range list {
			words = append(words, fmt.Sprint(word))
		}
		return words
	}
	return []string{fmt.Sprint(v)}
}

// step does one random verb, or lets time or a fault happen.
func (w *twin) step() {
	token, version, intent := int8(1+rand.N(twinTokens)), int8(rand.N(twinVersions)), rand.N(twinIntents+1)-1
	id, before := "", w.entry
	if intent >= 0 {
		id = "i" + strconv.Itoa(intent)
	}
	var got []string
	var want, also string
	switch op := rand.N(100); {
	case op < 28:
		w.trace = append(w.trace, fmt.Sprint("lease ", token))
		got = w.eval(w.s.lease, token, long, long)
		w.entry, want = rules{}.lease(w.entry, w.fence, token)
		if want == "hit" {
			also = fmt.Sprint(before.v)
		}
	case op < 52:
		w.trace = append(w.trace, fmt.Sprint("fill ", token, " v", version))
		got = w.eval(w.s.fill, token, version, fmt.Sprint("data", version), long)
		w.entry, want = rules{}.fill(w.entry, w.fence, token, version)
	case op < 65:
		w.trace = append(w.trace, fmt.Sprint("invalidate v", version, id))
		got = w.eval(w.s.invalidate, version, id, long)
		var minVersion int8
		w.entry, want, minVersion = rules{}.invalidate(w.entry, w.fence, version, intent)
		also = fmt.Sprint(minVersion)
	case op < 75:
		w.trace = append(w.trace, fmt.Sprint("update v", version, id))
		got = w.eval(w.s.invalidate, version, id, long, fmt.Sprint("data", version), long)
		var minVersion int8
		w.entry, want, minVersion = rules{}.update(w.entry, w.fence, version, intent)
		also = fmt.Sprint(minVersion)
	case op < 80 && intent >= 0:
		w.trace = append(w.trace, "intend "+id)
		got = w.eval(w.s.intend, id, long, long)
		w.entry, want = rules{}.intend(w.entry, w.fence, intent)
	case op < 83:
		w.trace = append(w.trace, fmt.Sprint("release ", token))
		got = w.eval(w.s.release, token)
		w.entry, want = rules{}.release(w.entry, w.fence, token)
	default:
		w.happens(op)
		return
	}
	if got[0] != want || also != "" && got[1] != also {
		w.differ("the script answers %v, the model %s %s", got, want, also)
	}
}

// happens is what no verb does.
func (w *twin) happens(op int) {
	ctx, c := w.ctx, w.client
	var err error
	switch {
	case op < 88 && w.entry.token != 0:
		w.trace = append(w.trace, "the lease lapses")
		w.entry.lapsed = true
		err = c.HSet(ctx, w.key, "lx", 1).Err()
	case op < 93 && w.entry.intents != 0:
		w.trace = append(w.trace, "intents end")
		w.entry.intents = 0
		err = c.HSet(ctx, w.key, "h", "i0=1;i1=1;").Err()
	case op < 96:
		w.trace = append(w.trace, "evicted")
		w.entry = entry{}
		err = c.Del(ctx, w.key).Err()
	case op >= 98:
		w.trace = append(w.trace, "promoted")
		w.promote()
		w.fence++
	}
	if err != nil {
		w.differ("%v", err)
	}
}

// differ notes a difference.
func (w *twin) differ(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("%v: "+format, append([]any{w.trace}, args...)...)
	}
}

// same compares the hash with the model's entry.
func (w *twin) same() {
	f := w.client.HGetAll(w.ctx, w.key).Val()
	number := func(field string) int8 {
		n, _ := strconv.ParseInt(f[field], 10, 64)
		return int8(min(n, 100))
	}
	var real entry
	if len(f) > 0 {
		if _, ok := w.fences[f["e"]]; !ok {
			w.fences[f["e"]] = w.fence
		}
		_, has := f["d"]
		real = entry{fence: w.fences[f["e"]], has: has, v: number("v"), m: number("m"), token: number("l")}
		real.lapsed = real.token != 0 && f["lx"] == "1"
		for i := range twinIntents {
			if strings.Contains(f["h"], fmt.Sprintf("i%d=", i)) && !strings.Contains(f["h"], fmt.Sprintf("i%d=1;", i)) {
				real.intents |= 1 << i
			}
		}
		if has != (f["v"] != "") || has && f["d"] != "data"+f["v"] {
			w.differ("the hash is %v", f)
		}
		if ttl := w.client.PTTL(w.ctx, w.key).Val(); ttl <= 0 {
			w.differ("it lives forever: %v", f)
		}
	}
	if real != w.entry {
		w.differ("\nthe hash is %+v (%v),\nthe model  %+v", real, f, w.entry)
	}
}

// run makes sequences until one differs.
func (w *twin) run(sequences int) error {
	w.fences, w.fence = map[string]int8{}, 1
	for i := range sequences {
		w.key, w.entry, w.trace = key(fmt.Sprint(i)), entry{}, nil
		for range 40 {
			w.step()
			w.same()
			if w.err != nil {
				return w.err
			}
		}
		if w.fence > 100 {
			w.fences, w.fence = map[string]int8{}, 1
		}
	}
	return nil
}

// conform compares scripts on a real server.
func conform(t *testing.T, s scripts, sequences int) error {
	server := redistest.Start(t)
	promote := func() {
		for _, command := range []string{"REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"} {
			if _, err := server.Do(command); err != nil {
				t.Error(err)
			}
		}
	}
	w := &twin{ctx: t.Context(), s: s, client: open(t, server.URL()).client, arg: func() string { return "" }, promote: promote}
	return w.run(sequences)
}

// The scripts do what the checked transition functions do: random sequences of verbs, ends of leases and
// intents, evictions and promotions lead to the same answers and the same states.
func TestScriptsConformToTheModel(t *testing.T) {
	t.Parallel()
	s, err := loadScripts(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		w := &twin{ctx: t.Context(), s: s, client: open(t, "").client, promote: func() {}}
		w.arg = func() string { return "epoch " + strconv.Itoa(int(w.fence)) }
		if err := w.run(50); err != nil {
			t.Error(err)
		}
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		if err := conform(t, s, 500); err != nil {
			t.Error(err)
		}
	})
}
