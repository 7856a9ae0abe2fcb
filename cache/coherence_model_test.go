package cache

// The coherent tier, explored breadth-first like the verbs. A node of this model keeps copies of rows in its process. It reads
// them from Redis on a connection that tracks keys, and uses them after a barrier on that connection.
//
// The model of the verbs (model_test.go) is not multiplied with this one. What a node with copies needs of the verbs is what
// that model has shown, so here the entry of a key is what the verbs guarantee:
//
//   - An entry holds data or none. INVALIDATE and INTEND drop data that is older than the version that they name, and with
//     it the lease. INVALIDATE with a row may replace such data by it: by some version from the writer's to the newest.
//   - FILL stores some version between the one that was newest in SQL when a lease was last dropped, and the newest now: whoever
//     fills has read SQL after it got its lease. Loss of the entry loses the lease, too.
//   - A read without copies returns an entry's data, or what SQL holds after it has published that, in one action: all that it
//     does to others is to raise what was returned, and to drop an entry.
//
// Leases, polls and minimum versions are left out: they decide who may fill, and here anyone may at any time that the verbs
// would permit. So this model has more schedules than the tier, not fewer. A writer that is killed is a writer that takes no
// further step, and every action may come at any time, so the model needs no such fault. The relay is a late writer.
//
// The server that the connections lead to may lose its role and take it back, with the connections alive. Meanwhile writes and
// reads of others go to another primary, of which the model has only what they acknowledge and return.

const (
	coKeys  = 2
	coNodes = 2
	coFIFO  = 8
)

// Counters of what may happen a bounded number of times.
const (
	coBegins   = iota // moments
	coSends           // pipelines
	coCommits         // writes
	coFills           // FILL of any node
	coKills           // connections killed
	coEvicts          // keys evicted, or pushed because the tracking table is full
	coFlushes         // FLUSHALL
	coDemotes         // the server follows another primary; it is promoted later
	coSwaps           // SWAPDB
	coTicks           // of the clock
	coRefusals        // 1: Redis refuses writes for a while
	coExempt          // pipelines that read without tracking
	coLocals          // copies that a node removes to save memory
	coBuilds          // derived values that are made
	coRestores        // the database is restored from a backup
	coSplits          // the server is a primary that others have left
	coCounters
)

// Items of a connection's FIFO.
const (
	coNothing  = iota
	coPush     // of a key
	coPushAll  // after FLUSHALL
	coAnswer   // of the barrier: v is 1 for a primary, and fence its replication id
	coRowReply // of a row, with the rest of its entry's life in left
)

type coItem struct{ what, key, v, fence, epoch, till, left, inc int8 }

// coEntry is an entry in Redis; v is 0 without data. Its life ends at till, although Redis may remove it later. inc counts the
// changes of the key, which the model compares and the protocol never sees.
type coEntry struct{ v, fence, epoch, till int8 }

type coKey struct {
	// The newest version in SQL; the newest acknowledged; the newest returned; and the oldest that may be filled.
	db, acked, served, lowest int8
	entry                     coEntry
	inc                       int8
	intents                   uint8
}

// coCopy is a row in a node's process. The protocol uses it before its deadline; till and inc are those of its entry.
type coCopy struct{ v, stamp, deadline, epoch, till, inc int8 }

// coDerived is a value that was made of the rows of both keys: a card of a tweet, or a page of two authors' lists. mark is, of
// each row, what the value is checked by: the stamp of the copy, or the place of the journal.
type coDerived struct {
	v, mark, till, inc [coKeys]int8
	deadline, epoch    int8
}

// Steps of a reader.
const (
	coIdle  = iota
	coLooks // has looked up pending invalidations, and is to note its position: only if the order is wrong
	coWaits // for a barrier that is to be sent
	coSent  // its barrier is under way
	coReady // its barrier was answered
)

// coReader is a read through a moment. It holds what was true when it began.
type coReader struct {
	pc                               int8
	acked, served, committed, counts [coKeys]int8 // counts are of the entries' changes when the barrier was answered
	position, epoch                  int8
	pending                          uint8
	moved                            bool // see coNode
	batch                            bool // the pipeline that has brought its barrier is still under way, and may bring it rows
}

// coPipe is the pipeline on a node's connection. stage is 0 without one, 1 while it is sent and 2 when its barrier was executed.
type coPipe struct {
	stage, gen, sentAt, fence   int8
	answered, primary, complete bool
	asked, left, await, exempt  uint8 // keys: asked for, to be executed, to be answered, read without tracking
	pushed                      uint8 // since the pipeline was sent
	rows                        [coKeys]coItem
}

// coNode is one process of Roost.
type coNode struct {
	tracked, broadcast uint8 // what Redis has noted for its connection
	dead               bool  // Redis has closed the connection
	moved, left        bool  // the node's other connections lead to another primary; its tracking connection does, too
	gen                int8
	fifo               [coFIFO]coItem
	pipe               coPipe
	fence              int8 // of the barrier that was answered last
	epoch              int8 // of the log, as far as the node has noticed
	copies             [coKeys]coCopy
	stamp              int8
	journal            [coKeys]int8
	making, made       coDerived
	position           int8         // in the log
	pending, own       [coKeys]int8 // versions: not taken by Redis; and acknowledged all the same
	taken              uint8        // pending invalidations that Redis has just taken
	r                  coReader
}

// Steps of a writer.
const (
	coNoWriter  = iota
	coIntended  // announced
	coCommitted // in SQL and in the log
	coInvalid   // has invalidated, and is to acknowledge
)

type coWriter struct{ pc, key, version, node int8 }

// coWorld is a state of everything.
type coWorld struct {
	keys    [coKeys]coKey
	replica bool
	replid  int8
	former  bool // others use another primary, and the server has not noticed
	epoch   int8 // of the log: a restored database begins another
	refused int8 // 1 while Redis refuses writes, 2 after that
	clock   int8
	log     [3]int8 // the key of each commit, plus 1
	written int8    // length of the log
	w       [2]coWriter
	node    [coNodes]coNode
	used    coMax
}

// coRules are the parts of the protocol that can be left out, and the forms that some parts may have.
type coRules struct {
	// Barriers.
	noBarrier, joinsInFlight, broadcasts, noFence, noRole, noLoop, positionLate bool
	// Adoption.
	inStream      bool // at once, not when the pipeline has ended: both are right
	adoptsPushed  bool // rows of keys that were pushed since the pipeline was sent, as a caller does
	adoptsFormer  bool // rows of a connection that has been replaced since
	keepsCopies   bool // when the connection is replaced
	adoptsFills   bool // a node adopts what it has filled
	adoptsExempt  bool // rows that are not tracked
	staysBehind   bool // the tracking connection, when the node's other connections move to another primary
	keepsEpoch    bool // copies, when the node notices another epoch of the log
	adoptsEpoch   bool // rows of another epoch
	deadlineLate  bool // a deadline is counted from the adoption, not from when the pipeline was sent
	deadlineFirst bool // that of a derived value is that of its first row

	// Pending invalidations.
	noPending      bool // do not matter for copies
	pendingAtUse   bool // are looked up when the copy is: right only if dropsOwn
	pendingFirst   bool // are looked up before the position is noted
	dropsOwn       bool // the node drops its own copy when Redis has taken its invalidation, and adopts no row that was under way
	derivedPending bool // only those of the first row matter for a derived value

	// Derived values.
	derived     coForm
	marks       uint8 // of which rows the mark is checked
	stampsAgain bool  // a new connection counts stamps from 1
	journalHeld bool  // the journal has only pushes of rows that are held, and no rows that leave to save memory
	journalLate bool  // the place of the journal is noted when the value is stored
}

// coForm is how a derived value is checked.
type coForm int8

const (
	coNone      coForm = iota // nothing is derived
	coByStamp                 // at each use, the stamps of its rows
	coAtStore                 // the stamps when it is stored, under the store's lock; a row that leaves takes it along
	coByJournal               // at each use, whether a row has left since its place in the journal
	coUnchecked               // a row that leaves takes it along, and that is all
)

// coProtocol is a protocol with the faults that it meets.
type coProtocol struct {
	coRules
	nodes, keys int
	max, long   coMax // long is what the long form of the tests adds
	announced   bool  // writers announce themselves
	expires     bool  // entries live for one tick (the second key) or two, not for ever
	tails       bool  // the nodes follow the log
	foreign     bool  // all writers are elsewhere
	updates     bool  // writers may send the row with INVALIDATE
	strict      bool  // see check
}

// The properties. A world that breaks several counts for each.
const (
	coAcked = iota
	coBack
	coPosition
	coWindow
	coDeadline
	coGone
	coFormer
	coProperties
)

var coNames = [coProperties]string{
	propAcked, propBack, propPosition, propWindow, "a copy that outlives its entry's life",
	"a copy of an entry that Redis no longer had when it answered the barrier",
	"a copy of the database as it was before the epoch that the node had noticed",
}

func (m *coProtocol) start() coWorld {
	s := coWorld{replid: 1}
	for k := range s.keys {
		s.keys[k] = coKey{db: 1, acked: 1, served: 1, lowest: 1, entry: coEntry{v: 1, fence: 1, till: m.life(&s, k)}}
	}
	return s
}

// life returns when an entry that is filled now ends.
func (m *coProtocol) life(s *coWorld, k int) int8 {
	if !m.expires {
		return 100
	}
	return s.clock + 2 - int8(k)
}

// has reports whether a key's entry counts as present.
func (s *coWorld) has(k int) bool {
	e := s.keys[k].entry
	return e.v > 0 && e.fence == s.replid && e.epoch == s.epoch && s.clock < e.till
}

// elsewhere reports whether others use another primary.
func (s *coWorld) elsewhere() bool { return s.replica || s.former }

// at returns the version that a key has at a position of the log.
func (s *coWorld) at(k int, position int8) int8 {
	v := int8(1)
	for _, key := range s.log[:position] {
		if key == int8(k+1) {
			v++
		}
	}
	return v
}
