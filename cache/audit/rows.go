package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"roost/cache"
)

// Kind is a kind of entry to compare. Every Entity of package rows is a Kind.
type Kind interface {
	// Name returns the kind's name in metrics and reports.
	Name() string
	// Prefix returns the beginning of the kind's keys: cache.EntryPrefix, letters, and a colon.
	Prefix() string
	// Known reports whether a key is of this kind.
	Known(key string) bool
	// Stored reads the current values of keys from SQL, in one statement.
	Stored(ctx context.Context, keys []string) ([]cache.Value, error)
	// Same reports whether two values mean the same, whatever their versions.
	Same(held, stored cache.Value) bool
}

// statementTimeout bounds one statement.
const statementTimeout = 5 * time.Second

// rows finds the kind of a key.
type rows struct{ kinds map[string]Kind }

func newRows(kinds []Kind) rows {
	r := rows{kinds: make(map[string]Kind, len(kinds))}
	for _, k := range kinds {
		r.kinds[k.Prefix()] = k
	}
	return r
}

// of returns the kind of a key, nil if it has none.
func (r rows) of(key string) Kind {
	rest, ok := strings.CutPrefix(key, cache.EntryPrefix)
	letters, _, found := strings.Cut(rest, ":")
	if !ok || !found {
		return nil
	}
	if k := r.kinds[cache.EntryPrefix+letters+":"]; k != nil && k.Known(key) {
		return k
	}
	return nil
}

// stored reads the current values of keys, in one statement.
func stored(ctx context.Context, k Kind, keys []string) ([]cache.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	values, err := k.Stored(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read the rows of %s from SQL: %w", k.Name(), err)
	}
	if len(values) != len(keys) {
		return nil, fmt.Errorf("SQL returned %d values for %d keys of %s", len(values), len(keys), k.Name())
	}
	return values, nil
}

// verdict is the result of comparing an entry with SQL.
type verdict int

const (
	equal   verdict = iota
	behind          // the entry is older than SQL was before
	newer           // the entry is newer than SQL was before
	differs         // the same version with other data
)

func compare(k Kind, held, stored cache.Value) verdict {
	switch {
	case held.Version > stored.Version:
		return newer // also with equal data: the entry would hide the writes up to its version
	case k.Same(held, stored):
		return equal
	case held.Version < stored.Version:
		return behind
	}
	return differs
}
