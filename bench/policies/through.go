package policies

import "context"

// through is write-through with read-through. Every read and write of SQL holds the key's lock, so within a node the cache takes the
// changes of a row in their order.
type through struct {
	*plain
	locks locks
}

func openThrough(n node) (Policy, error) {
	p, err := openPlain(n)
	if err != nil {
		return nil, err
	}
	return &through{plain: p}, nil
}

// Read reads the cache, and fills it under the lock.
func (t *through) Read(ctx context.Context, key int64) (int64, error) {
	if change, ok, err := t.get(ctx, key); ok || err != nil {
		return change, err
	}
	l := t.locks.of(key)
	l.Lock()
	defer l.Unlock()
	return t.plain.Read(ctx, key)
}

// Write writes the row and then the cache under the lock.
func (t *through) Write(ctx context.Context, key, change int64) error {
	l := t.locks.of(key)
	l.Lock()
	defer l.Unlock()
	return t.writeThenSet(ctx, key, change)
}
