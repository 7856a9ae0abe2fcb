package cache

import "context"

// Refresh ensures that reads of this process that begin after it returns see what was committed before the call or newer rows, even if the
// writers never invalidated anything. It is for rows of which it is known that they were changed, but not at which versions; Confirm is
// cheaper if the versions are known.
//
// Refresh first looks at the entries, as Confirm does. An entry that has neither data nor a lease needs nothing. For all other keys, also
// those whose server does not answer, it calls load once, and not at all if there are none. It then invalidates the entries that are older
// than these rows, once, with the rows as Data. If a server does not take an invalidation, this process reads the key from SQL until the
// server has taken it.
//
// An error says that servers did not take invalidations, so that other processes may serve old entries; this process does not. Or it is an
// error of load, or says that what load returned is unusable. Refresh has then removed the entries of these keys, and with them
// the announcements of writes of them. If it could not remove all of them, this process reads nothing from Redis until Resume.
func (t *Tier) Refresh(ctx context.Context, k *Kind, keys []string, load Loader) error {
	var looks []entryLook
	var names []string
	for i, e := range t.entryLooks(ctx, keys) {
		if !e.isEmpty() {
			looks, names = append(looks, e), append(names, keys[i])
		}
	}
	if len(names) == 0 {
		return nil
	}
	epoch := t.Epoch() // in a later epoch the database may be another
	values, err := load(ctx, names)
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
	all := make([]Invalidation, len(names))
	for i, v := range values {
		all[i] = Invalidation{Kind: k, Key: names[i], Version: v.Version, Data: v.Data, Epoch: epoch}
	}
	return t.invalidateOlder(ctx, all, looks)
}
