package timelines

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"slices"
)

// MaxPrepared is the most entries of a prepared timeline.
const MaxPrepared = 800

// Contribution is an entry that a user adds to home timelines.
type Contribution struct {
	UserID, SortKey int64
	// Special is what an AuthorList has of a retweet or a reply to somebody else, without the index; zero for all other entries.
	Special SpecialEntry
}

// contributionKey names what a user adds: a retweet that begins again replaces the one that has ended.
type contributionKey struct {
	userID, item int64
	retweet      bool
}

func (c *Contribution) key() contributionKey {
	if c.Special.Kind == RetweetEntry {
		return contributionKey{c.UserID, c.Special.TweetID, true}
	}
	return contributionKey{c.UserID, c.SortKey, false}
}

// RecordKind says what a Record does.
type RecordKind uint8

// The kinds. Prepared timelines contain the numbers.
const (
	// Added and Removed are about a contribution.
	Added RecordKind = iota
	Removed
	// Merged means that the user's contributions are not recorded from now on: readers merge the user's own list.
	Merged
)

// Record is what one event of the log does to the prepared timelines of a user's followers.
type Record struct {
	// Seq is the event's offset in the log.
	Seq  int64
	Kind RecordKind
	Contribution
}

// Prepared is the home timeline of a viewer as it is kept in Redis: the lists of all authors, cut to their newest entries together. The
// first element of the stored list is a snapshot, all others are records of events since then. For each contribution the record with the
// highest Seq counts, so records may come late, in any order, and repeatedly.
type Prepared struct {
	// ID is different for each snapshot of one timeline.
	ID string
	// Building is true for a list in whose place a snapshot is being made. It has nothing but its ID.
	Building bool
	// Generation is that of the server's prepared timelines when the snapshot was begun.
	Generation string
	// Version is the version of the list of those whom the viewer follows.
	Version int64
	// Base is the offset in the log up to which the snapshot has everything. Records up to there change nothing.
	Base int64
	// CompleteFrom says how far the timeline reaches: every contribution whose sort key is CompleteFrom or higher is in it.
	CompleteFrom int64
	// MergedIDs are the authors whose contributions are not in the timeline, in ascending order.
	MergedIDs []int64
	// entries are the contributions of the snapshot, newest first.
	entries []Contribution
	records []Record
}

// idSize is the length of an ID and of a generation.
const idSize = 8

// NewPreparedID returns an ID, or a generation, that no other has.
func NewPreparedID() string { return rand.Text()[:idSize] }

// NewPrepared returns the snapshot that is made from lists of authors, in the same order; mergedIDs are left out of it. The authors are
// those whom the viewer follows, in ascending order: what viewers write themselves is never in their prepared timelines.
func NewPrepared(generation string, version, base int64, authors []int64, lists []AuthorList, mergedIDs []int64) *Prepared {
	p := &Prepared{ID: NewPreparedID(), Generation: generation, Version: version, Base: base}
	for i, author := range authors {
		if slices.Contains(mergedIDs, author) {
			p.MergedIDs = append(p.MergedIDs, author)
			continue
		}
		l := &lists[i]
		p.CompleteFrom = max(p.CompleteFrom, l.CompleteFrom)
		for at := range l.SortKeys.Len() {
			c := Contribution{UserID: author, SortKey: l.SortKeys.At(at)}
			if s := l.special(at); s != nil {
				c.Special = *s
				c.Special.Index = 0
			}
			p.entries = append(p.entries, c)
		}
	}
	p.cut()
	return p
}

// cut orders the entries of the snapshot, and drops those that it does not reach.
func (p *Prepared) cut() {
	slices.SortFunc(p.entries, newestFirst)
	if len(p.entries) > MaxPrepared {
		p.CompleteFrom = max(p.CompleteFrom, p.entries[MaxPrepared].SortKey+1)
	}
	reached, _ := slices.BinarySearchFunc(p.entries, p.CompleteFrom, func(c Contribution, from int64) int {
		if c.SortKey >= from {
			return -1
		}
		return 1
	})
	p.entries = p.entries[:reached]
}

// fold returns the contributions that count after the records up to an offset, newest first. Nobody may change the result.
func (p *Prepared) fold(upTo int64) []Contribution {
	last := p.lastRecords(upTo)
	if len(last) == 0 {
		return p.entries
	}
	all := make([]Contribution, 0, len(p.entries)+len(last))
	for _, c := range p.entries {
		if _, changed := last[c.key()]; !changed {
			all = append(all, c)
		}
	}
	for _, r := range last {
		if r.Kind == Added && r.SortKey >= p.CompleteFrom {
			all = append(all, r.Contribution)
		}
	}
	slices.SortFunc(all, newestFirst)
	return all
}

// lastRecords returns the record that counts for each contribution that records up to an offset concern.
func (p *Prepared) lastRecords(upTo int64) map[contributionKey]*Record {
	var last map[contributionKey]*Record
	for i := range p.records {
		r := &p.records[i]
		if r.Kind == Merged || r.Seq <= p.Base || r.Seq > upTo {
			continue
		}
		if last == nil {
			last = make(map[contributionKey]*Record, len(p.records)-i)
		}
		if before := last[r.key()]; before == nil || r.Seq > before.Seq {
			last[r.key()] = r
		}
	}
	return last
}

func newestFirst(a, b Contribution) int {
	if a.SortKey != b.SortKey {
		return descending(a.SortKey, b.SortKey)
	}
	return cmp.Compare(a.UserID, b.UserID)
}

// Merged returns the authors whose contributions are not in the timeline, in ascending order.
func (p *Prepared) Merged() []int64 {
	all := p.MergedIDs
	for _, r := range p.records {
		if r.Kind != Merged {
			continue
		}
		if at, found := slices.BinarySearch(all, r.UserID); !found {
			all = slices.Insert(slices.Clip(all), at, r.UserID)
		}
	}
	return all
}

// Records returns the number of records since the snapshot.
func (p *Prepared) Records() int { return len(p.records) }

// Lists returns the timeline as lists of authors, which are as HomeAuthors returns them. Each list reaches as far as the timeline. The
// lists of authors whose contributions are not in it are wrong, and must be replaced.
func (p *Prepared) Lists(authors []int64) []AuthorList {
	all := p.fold(maxSeq)
	// of has the index of each entry's author; ends is where the author's keys end among those of all authors.
	of, ends := make([]int32, len(all)), make([]int32, len(authors)+1)
	for i := range all {
		at, ok := index(authors, all[i].UserID)
		if of[i] = int32(at); !ok {
			of[i] = -1
			continue
		}
		ends[at+1]++
	}
	for i := range authors {
		ends[i+1] += ends[i]
	}
	first := slices.Clone(ends)
	keys := make([]byte, keySize*int(ends[len(authors)]))
	lists := make([]AuthorList, len(authors))
	for i := range all {
		at := of[i]
		if at < 0 {
			continue
		}
		if s := all[i].Special; s != (SpecialEntry{}) {
			s.Index = int64(ends[at] - first[at])
			lists[at].Special = append(lists[at].Special, s)
		}
		binary.LittleEndian.PutUint64(keys[keySize*ends[at]:], uint64(all[i].SortKey))
		ends[at]++
	}
	packed := SortKeys(keys)
	for i := range lists {
		lists[i].CompleteFrom = p.CompleteFrom
		lists[i].SortKeys = packed[keySize*first[i] : keySize*ends[i]]
	}
	return lists
}

// keySize is the number of bytes of one of SortKeys.
const keySize = 8

// maxSeq is above every offset in the log.
const maxSeq = 1<<63 - 1

// Compact returns a snapshot with the records up to an offset, and the records that remain. Every record up to this offset must be among
// those of the timeline, because others are ignored from then on.
func (p *Prepared) Compact(upTo int64) (snapshot *Prepared, rest []Record) {
	upTo = max(upTo, p.Base)
	snapshot = &Prepared{ID: NewPreparedID(), Generation: p.Generation, Version: p.Version, Base: upTo, CompleteFrom: p.CompleteFrom,
		MergedIDs: p.Merged(), entries: slices.Clone(p.fold(upTo))}
	snapshot.cut()
	for _, r := range p.records {
		if r.Seq > upTo && r.Kind != Merged {
			rest = append(rest, r)
		}
	}
	return snapshot, rest
}
