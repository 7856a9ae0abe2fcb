package cache

// The verbs once more, as pure functions: one function a script, in the same order of tests. The model
// checker explores them, and the conformance test runs them next to the scripts, so that what is checked
// is what runs. Time is an action of its own: a lease lapses, an intent ends.

// nobody is a token whose holder is gone.
const nobody = 15

// entry is the hash of one key. The zero entry is no hash.
type entry struct {
	fence   int8 // e; 0: there is no hash
	has     bool // v and d are there
	v, m    int8
	token   int8 // l; 0: none
	lapsed  bool // lx has passed
	intents uint8
}

// rules switches parts of the protocol off, to see what they are for.
type rules struct {
	noLease, noVersion bool
	blindLook          bool // the looks of Confirm and Refresh ignore leases
	updateCreates      bool // INVALIDATE puts its data into entries that have none
	updateLowers       bool // and in the place of data of a higher version
}

// under is what a verb sees: nothing, if another wrote it.
func (e entry) under(fence int8) entry {
	if e.fence != fence {
		return entry{}
	}
	return e
}

func (e entry) minVersion() int8 { return max(e.v, e.m) }

// strip keeps only the minimum version and the intents.
func strip(fence, minVersion int8, held uint8) entry {
	return entry{fence: fence, m: minVersion, intents: held}
}

func (r rules) lease(e entry, fence, token int8) (entry, string) {
	f := e.under(fence)
	if f.has {
		return e, "hit"
	}
	if f.intents != 0 {
		return e, "intent"
	}
	if f.token != 0 && f.token != token && !f.lapsed && !r.noLease {
		return e, "busy"
	}
	return entry{fence: fence, m: f.minVersion(), token: token}, "leased"
}

func (r rules) fill(e entry, fence, token, version int8) (entry, string) {
	f := e.under(fence)
	if f.token != token && !r.noLease {
		return e, "lost"
	}
	if version < f.minVersion() && !r.noVersion {
		f.token, f.lapsed = 0, false
		return f, "old"
	}
	return entry{fence: fence, has: true, v: version}, "filled"
}

// invalidate takes the number of the intent that ends with it, or -1. It returns the minimum version, too.
func (r rules) invalidate(e entry, fence, version int8, intent int) (entry, string, int8) {
	f := e.under(fence)
	own := uint8(0)
	if intent >= 0 {
		own = f.intents & (1 << intent)
	}
	if f.minVersion() >= version && own == 0 && (f.fence != 0 || version == 0) && !r.noVersion {
		return e, "current", f.minVersion()
	}
	minVersion := max(f.minVersion(), version)
	if r.noVersion {
		minVersion = 0
	}
	word := "raised"
	if f.has {
		word = "dropped"
	}
	return strip(fence, minVersion, f.intents&^own), word, minVersion
}

// update is INVALIDATE with data.
func (r rules) update(e entry, fence, version int8, intent int) (entry, string, int8) {
	f := e.under(fence)
	if (f.has || r.updateCreates) && f.minVersion() < version || f.has && r.updateLowers {
		return entry{fence: fence, has: true, v: version}, "updated", version
	}
	return r.invalidate(e, fence, version, intent)
}

// confirmed is entryLook.confirms.
func (r rules) confirmed(e entry, version int8) bool {
	return !e.has && (e.token == 0 || r.blindLook) || e.minVersion() >= version
}

func (r rules) intend(e entry, fence int8, intent int) (entry, string) {
	f := e.under(fence)
	return strip(fence, f.minVersion(), f.intents|1<<intent), "announced"
}

func (r rules) release(e entry, fence, token int8) (entry, string) {
	if e.under(fence).token == token {
		e.token, e.lapsed = 0, false
	}
	return e, "released"
}
