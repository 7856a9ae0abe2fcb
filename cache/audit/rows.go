package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"roost/cache"
)

// Kind is a kind of entry. An Entity of package rows is a Kind.
type Kind interface {
	// Name is its name in metrics and reports.
	Name() string
	// Prefix begins its keys; it ends with the second colon after cache.EntryPrefix begins.
	Prefix() string
	// Known tells whether a key is one of its.
	Known(key string) bool
	// Stored reads from SQL, in one statement, what the entries of keys should hold.
	Stored(ctx context.Context, keys []string) ([]cache.Value, error)
	// Same tells whether two values mean the same, whatever their versions.
	Same(held, stored cache.Value) bool
}

// statementWithin bounds a statement.
const statementTimeout = 5 * time.Second

// rows reads the rows of keys of all kinds.
type rows struct{ kinds map[string]Kind }

func newRows(kinds []Kind) rows {
	r := rows{kinds: make(map[string]Kind, len(kinds))}
	for _, k := range kinds {
		r.kinds[k.Prefix()] = k
	}
	return r
}

// of gives the kind of a key, nil for none.
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

// stored is one statement.
func stored(ctx context.Context, k Kind, keys []string) ([]cache.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	values, err := k.Stored(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read what SQL has of %s: %w", k.Name(), err)
	}
	if len(values) != len(keys) {
		return nil, fmt.Errorf("SQL gave %d values for %d keys of %s", len(values), len(keys), k.Name())
	}
	return values, nil
}

// verdict is what a comparison says.
type verdict int

const (
	equal   verdict = iota
	behind          // the entry is older than SQL was before
	newer           // than SQL was before
	differs         // the same version with other data
)

func compare(k Kind, held, stored cache.Value) verdict {
	switch {
	case held.Version > stored.Version:
		return newer // also with the same data: it would outlive the writes up to its version
	case k.Same(held, stored):
		return equal
	case held.Version < stored.Version:
		return behind
	}
	return differs
}
