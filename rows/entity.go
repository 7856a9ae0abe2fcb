package rows

import (
	"context"
	"fmt"
	"time"

	"roost/cache"
)

// form describes how rows of one kind are cached.
type form[K comparable, V any] struct {
	// name is the label of metrics. ttl and absent are how long rows, and their absence, are cached.
	name        string
	ttl, absent time.Duration
	keys        keys[K]
	// rows reads rows from SQL in one statement. Keys without a row are left out of the result.
	rows func(ctx context.Context, all []K) (map[K]V, error)
	// version returns a row's version, at least 1.
	version func(V) int64
	// write makes the stored form of a row, without its key and version; read is its inverse.
	write func(*writer, V)
	read  func(r *reader, key K, version int64) V
	// none is the data of a row that means the same as no row; empty if there is no such row.
	none string
	// local keeps rows in the process; nil if none are kept there.
	local localRows[K, V]
	// seen is called with each row that is read; nil is for nobody.
	seen func(key K, v V)
	// weight returns about how many bytes a row takes in memory beside its stored form; nil is typicalWeight.
	weight func(V) int
}

// typicalWeight is about what a row of a few fields takes beside its texts, in bytes.
const typicalWeight = 128

// localRows keeps rows in the process, and may drop them at any time. A row is used only if Redis or SQL returns the same version in
// the same read. Nobody may change a row that Get returns.
type localRows[K comparable, V any] interface {
	Get(key K) (V, bool)
	Put(key K, v V)
}

// Entity is a kind of row that is read through the cache. K is the row's key and V the row. It is safe for concurrent use.
type Entity[K comparable, V any] struct {
	form[K, V]
	tier *cache.Tier
	kind *cache.Kind
	load cache.Loader
}

func newEntity[K comparable, V any](tier *cache.Tier, f form[K, V]) *Entity[K, V] {
	if f.weight == nil {
		f.weight = func(V) int { return typicalWeight }
	}
	e := &Entity[K, V]{form: f, tier: tier, kind: tier.Kind(f.name, f.ttl, f.absent)}
	e.load = e.Stored
	return e
}

// Name returns the entity's name in the metrics.
func (e *Entity[K, V]) Name() string { return e.name }

// Prefix returns the beginning of the entity's keys in Redis.
func (e *Entity[K, V]) Prefix() string { return e.keys.prefix }

// Known reports whether a Redis key is one of the entity's.
func (e *Entity[K, V]) Known(key string) bool {
	_, ok := e.keys.from(key)
	return ok
}

// Stored reads the current values of Redis keys from SQL, in one statement.
func (e *Entity[K, V]) Stored(ctx context.Context, names []string) ([]cache.Value, error) {
	asked := make([]K, len(names))
	for i, name := range names {
		k, ok := e.keys.from(name)
		if !ok {
			return nil, fmt.Errorf("rows: %q is not a key of %s", name, e.name)
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

// Same reports whether two values mean the same, whatever their versions.
func (e *Entity[K, V]) Same(a, b cache.Value) bool { return e.meaning(a) == e.meaning(b) }

func (e *Entity[K, V]) meaning(v cache.Value) string {
	if v.Version == 0 {
		return e.none
	}
	return v.Data
}

// Inspect returns what Redis holds of a row, without changing it. v is set if the state is cache.Held and there is a row.
func (e *Entity[K, V]) Inspect(ctx context.Context, key K) (state cache.State, v V) {
	found := e.tier.Inspect(ctx, []string{e.keys.of(key)})[0]
	if found.State != cache.Held || found.Value.Version == 0 {
		return found.State, v
	}
	r := reader{data: found.Value.Data}
	if v = e.form.read(&r, key, found.Value.Version); !r.done() {
		var none V
		return cache.Broken, none
	}
	return cache.Held, v
}

// Load returns the rows of keys. Keys without a row are left out. The rows are shared, so nobody may change them. An error comes from
// SQL or from the context, never from Redis.
func (e *Entity[K, V]) Load(ctx context.Context, all []K) (map[K]V, error) {
	return e.Ask(all).all(ctx)
}

// all reads the rows of the question, and returns those that there are.
func (q *Question[K, V]) all(ctx context.Context) (map[K]V, error) {
	if err := q.of.tier.Load(ctx, q.Request()); err != nil {
		return nil, err
	}
	out := make(map[K]V, len(q.keys))
	for i, k := range q.keys {
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

// Question is a batch of keys to read. Store.Answer reads several at once.
type Question[K comparable, V any] struct {
	of      *Entity[K, V]
	keys    []K
	request cache.Request
	local   []V // by index, used at the version of request.Held
}

// Ask returns a question for the rows of keys. It does not read them.
func (e *Entity[K, V]) Ask(all []K) *Question[K, V] {
	q := &Question[K, V]{of: e, keys: all}
	q.request = cache.Request{Kind: e.kind, Load: e.load, Name: q.name}
	if e.keys.id == nil || len(all) == 0 {
		q.name()
		return q
	}
	q.request.ID, q.request.Count = q.id, len(all)
	return q
}

func (q *Question[K, V]) id(i int) cache.ID { return q.of.keys.id(q.keys[i]) }

// name makes the names of the keys, and finds the rows that the process keeps.
func (q *Question[K, V]) name() {
	q.request.Keys = make([]string, len(q.keys))
	for i, k := range q.keys {
		q.request.Keys[i] = q.of.keys.of(k)
	}
	if q.of.local == nil {
		return
	}
	q.local, q.request.Held = make([]V, len(q.keys)), make([]int64, len(q.keys))
	for i, k := range q.keys {
		if v, ok := q.of.local.Get(k); ok {
			q.local[i], q.request.Held[i] = v, q.of.version(v)
		}
	}
}

// Local returns the row of a key that the process keeps, in whatever version. ok is false if it keeps none.
func (e *Entity[K, V]) Local(key K) (v V, ok bool) {
	if e.keys.id != nil {
		if c := e.tier.Unconfirmed(e.keys.id(key)); c != nil {
			if v, ok = c.Decoded().(V); ok {
				return v, true
			}
		}
	}
	if e.local == nil {
		return v, false
	}
	return e.local.Get(key)
}

// Peek returns the row of a key from a copy in the process that may be out of date. ok is false if there is no copy, or no row.
// The entity's keys must have IDs.
func (e *Entity[K, V]) Peek(key K) (v V, ok bool) {
	c := e.tier.Unconfirmed(e.keys.id(key))
	if c == nil || c.Value().Version == 0 {
		return v, false
	}
	if v, ok = c.Decoded().(V); ok {
		return v, true
	}
	r := reader{data: c.Value().Data}
	if v = e.form.read(&r, key, c.Value().Version); !r.done() {
		return v, false
	}
	c.Keep(v, e.weight(v))
	return v, true
}

// Request returns the question in the form that the tier takes.
func (q *Question[K, V]) Request() *cache.Request { return &q.request }

// At returns the row of the key with index i. The question must have been answered. ok is false if there is no row. An entry that cannot be
// read is removed, and the row is read from SQL.
func (q *Question[K, V]) At(ctx context.Context, i int) (v V, ok bool, err error) {
	v, ok, err = q.at(ctx, i)
	if ok && q.of.seen != nil {
		q.of.seen(q.keys[i], v)
	}
	return v, ok, err
}

func (q *Question[K, V]) at(ctx context.Context, i int) (v V, ok bool, err error) {
	if q.request.Err != nil {
		return v, false, q.request.Err
	}
	var from *cache.Copy
	if q.request.Copies != nil {
		from = q.request.Copies[i]
	}
	var value cache.Value
	if from != nil {
		if v, ok = from.Decoded().(V); ok {
			return v, true, nil
		}
		value = from.Value()
	} else {
		value = q.request.Values[i]
	}
	if value.Version == 0 {
		return v, false, nil
	}
	if from == nil && q.local != nil && q.request.Held[i] == value.Version {
		return q.local[i], true, nil
	}
	r := reader{data: value.Data}
	v = q.of.form.read(&r, q.keys[i], value.Version)
	if !r.done() {
		_ = q.of.tier.Drop(ctx, q.of.keys.of(q.keys[i])) // if it is not removed, the next read comes here again
		rows, err := q.of.rows(ctx, q.keys[i:i+1])
		if err != nil {
			return v, false, err
		}
		v, ok = rows[q.keys[i]]
		return v, ok, nil
	}
	if from != nil {
		from.Keep(v, q.of.weight(v))
	}
	if q.of.local != nil { // also what was decoded of a copy: it stays when Redis loses everything
		q.of.local.Put(q.keys[i], v)
	}
	return v, true, nil
}
