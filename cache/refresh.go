package cache

import "context"

// Refresh ensures that reads of this process that begin after it returns see what was committed before the call or newer rows, even if the
// writers never invalidated anything. It is for rows of which it is known that they were changed, but not at which versions; Confirm is
// cheaper if the versions are known.
//
// Refresh first looks at the entries, as Confirm does. An entry that has neither data nor a lease needs nothing. For all other keys, also
// those whose server does not answer, it calls read once, with the indexes of these keys in keys. If there are none, it does not call read.
// read returns one value for each index, in their order. It reads the primary, in a transaction that begins after the call. Refresh then
// invalidates the entries that are older than these rows, once, with the rows as Data. If a server does not take an invalidation, this
// process reads the key from SQL until the server has taken it.
//
// An error says that servers did not take invalidations, so that other processes may serve old entries; this process does not. Or it is an
// error of read, or says that what read returned is unusable. Refresh has then removed the entries of the indexes, and with them
// the announcements of writes of these keys. If it could not remove all of them, this process reads nothing from Redis until Resume.
func (t *Tier) Refresh(ctx context.Context, k *Kind, keys []string, read func(ctx context.Context, at []int) ([]Value, error)) error {
	var at []int
	var looks []entryLook
	var names []string
	for i, e := range t.entryLooks(ctx, keys) {
		if !e.isEmpty() {
			at, looks, names = append(at, i), append(looks, e), append(names, keys[i])
		}
	}
	if len(at) == 0 {
		return nil
	}
	epoch := t.Epoch() // in a later epoch the database may be another
	values, err := read(ctx, at)
	if err == nil {
		err = k.check(names, values)
	}
	if err != nil {
		// The caller may have left, but must not leave old entries behind.
		if t.Drop(context.WithoutCancel(ctx), names...) != nil {
			t.Suspend()
		}
		return err
	}
	all := make([]Invalidation, len(at))
	for i, v := range values {
		all[i] = Invalidation{Kind: k, Key: names[i], Version: v.Version, Data: v.Data, Epoch: epoch}
	}
	return t.invalidateOlder(ctx, all, looks)
}
