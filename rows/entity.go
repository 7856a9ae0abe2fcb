package rows

import (
	"context"
	"fmt"
	"time"

	"roost/cache"
)

// form is what makes an entity of a table.
type form[K comparable, V any] struct {
	// name is the label of metrics; ttl and absent are how long rows, and their absence, are kept.
	name        string
	ttl, absent time.Duration
	keys        keys[K]
	// rows reads SQL in one statement; those without a row are left out.
	rows func(ctx context.Context, all []K) (map[K]V, error)
	// version is a row's, at least 1.
	version func(V) int64
	write   func(*writer, V)
	read    func(r *reader, key K, version int64) V
	// none is the data of a row that says what the absence of a row says, empty if there is none such.
	none string
	// near keeps rows in the process, nil if none are kept. What it gives must not be changed.
	local localRows[K, V]
}

// near keeps rows in the process by key, as long as it likes. They are used only at the version that Redis, or
// SQL, gives in the same read.
type localRows[K comparable, V any] interface {
	Get(key K) (V, bool)
	Put(key K, v V)
}

// Entity is a kind of row behind the cache. It is safe for concurrent use.
type Entity[K comparable, V any] struct {
	form[K, V]
	tier *cache.Tier
	kind *cache.Kind
}

func newEntity[K comparable, V any](tier *cache.Tier, f form[K, V]) *Entity[K, V] {
	return &Entity[K, V]{form: f, tier: tier, kind: tier.Kind(f.name, f.ttl, f.absent)}
}

// Name is the entity's, as in the metrics.
func (e *Entity[K, V]) Name() string { return e.name }

// Prefix begins the keys of the entity's entries in Redis.
func (e *Entity[K, V]) Prefix() string { return e.keys.prefix }

// Known tells of a key of Redis whether it is one of the entity's.
func (e *Entity[K, V]) Known(key string) bool {
	_, ok := e.keys.from(key)
	return ok
}

// Stored reads from SQL, in one statement, what the entries of keys should hold.
func (e *Entity[K, V]) Stored(ctx context.Context, names []string) ([]cache.Value, error) {
	asked := make([]K, len(names))
	for i, name := range names {
		k, ok := e.keys.from(name)
		if !ok {
			return nil, fmt.Errorf("cache: %q is no key of %s", name, e.name)
		}
		asked[i] = k
	}
	rows, err := e.rows(ctx, asked)
	if err != nil {
		return nil, err
	}
	out := make([]cache.Value, len(names))
	for i, k := range asked {
		if v, ok := rows[k]; ok {
			var w writer
			e.write(&w, v)
			out[i] = cache.Value{Version: e.version(v), Data: string(w)}
		}
	}
	return out, nil
}

// Same tells whether two values say the same, whatever their versions.
func (e *Entity[K, V]) Same(a, b cache.Value) bool { return e.meaning(a) == e.meaning(b) }

func (e *Entity[K, V]) meaning(v cache.Value) string {
	if v.Version == 0 {
		return e.none
	}
	return v.Data
}

// Load asks for the rows of keys; those without a row are left out. The values are shared: nobody may change
// them. Errors are those of SQL and of the context.
func (e *Entity[K, V]) Load(ctx context.Context, all []K) (map[K]V, error) {
	q := e.Ask(all)
	if err := e.tier.Load(ctx, q.Request()); err != nil {
		return nil, err
	}
	out := make(map[K]V, len(all))
	for i, k := range all {
		v, ok, err := q.At(ctx, i)
		if err != nil {
			return nil, err
		}
		if ok {
			out[k] = v
		}
	}
	return out, nil
}

// Question asks for rows, to be answered together with others by Store.Answer.
type Question[K comparable, V any] struct {
	of      *Entity[K, V]
	keys    []K
	request cache.Request
	local   []V // by index, used at the version of request.Held
}

// Ask makes a question.
func (e *Entity[K, V]) Ask(all []K) *Question[K, V] {
	q := &Question[K, V]{of: e, keys: all}
	q.request = cache.Request{Kind: e.kind, Keys: make([]string, len(all)), Load: e.Stored}
	for i, k := range all {
		q.request.Keys[i] = e.keys.of(k)
	}
	if e.local == nil {
		return q
	}
	q.local, q.request.Held = make([]V, len(all)), make([]int64, len(all))
	for i, k := range all {
		if v, ok := e.local.Get(k); ok {
			q.local[i], q.request.Held[i] = v, e.version(v)
		}
	}
	return q
}

// Near gives what the process keeps of a key, of whatever version; ok is false for nothing.
func (e *Entity[K, V]) Local(key K) (v V, ok bool) {
	if e.local == nil {
		return v, false
	}
	return e.local.Get(key)
}

// Request is the question in the form that the tier answers.
func (q *Question[K, V]) Request() *cache.Request { return &q.request }

// At gives the row of the key with the index, once the question is answered; ok is false if there is none. An
// entry that cannot be read is removed, and its row read from SQL.
func (q *Question[K, V]) At(ctx context.Context, i int) (v V, ok bool, err error) {
	if q.request.Err != nil {
		return v, false, q.request.Err
	}
	value := q.request.Values[i]
	if value.Version == 0 {
		return v, false, nil
	}
	if q.local != nil && q.request.Held[i] == value.Version {
		return q.local[i], true, nil
	}
	r := reader{data: value.Data}
	v = q.of.form.read(&r, q.keys[i], value.Version)
	if !r.done() {
		_ = q.of.tier.Drop(ctx, q.request.Keys[i]) // what stays is read from SQL again
		rows, err := q.of.rows(ctx, q.keys[i:i+1])
		if err != nil {
			return v, false, err
		}
		v, ok = rows[q.keys[i]]
		return v, ok, nil
	}
	if q.local != nil {
		q.of.local.Put(q.keys[i], v)
	}
	return v, true, nil
}
