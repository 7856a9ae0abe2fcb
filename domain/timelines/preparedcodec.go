package timelines

import (
	"encoding/binary"
	"errors"
)

// ErrDamaged reports a prepared timeline that cannot be read: Redis holds something else, or another release wrote it.
var ErrDamaged = errors.New("a prepared timeline cannot be read")

// The first byte of a stored timeline. It changes with the form, so that no release reads what another one means differently.
const (
	formBuilding = 'B'
	formSnapshot = 'S'
)

// The forms of a contribution, in the lowest bits of its first byte; the kind of a record is above them.
const (
	plainForm = iota
	retweetForm
	replyForm
	formBits = 2
)

// PreparedPrefix is the number of bytes at the beginning of the first element that differ between all snapshots of one timeline.
const PreparedPrefix = 1 + idSize

// BuildingElement returns the first element of a timeline whose snapshot is being made.
func BuildingElement(id string) string { return string(rune(formBuilding)) + id }

// Prefix returns the first PreparedPrefix bytes of the stored timeline.
func (p *Prepared) Prefix() string {
	if p.Building {
		return BuildingElement(p.ID)
	}
	return string(rune(formSnapshot)) + p.ID
}

// Element returns the snapshot as it is stored.
func (p *Prepared) Element() string {
	b := make([]byte, 0, 64+8*len(p.MergedIDs)+24*len(p.entries))
	b = append(b, p.Prefix()...)
	b = append(b, p.Generation...)
	b = appendNumbers(b, p.Version, p.Base, p.CompleteFrom, int64(len(p.MergedIDs)))
	b = appendNumbers(b, p.MergedIDs...)
	b = appendNumbers(b, int64(len(p.entries)))
	for i := range p.entries {
		b = p.entries[i].append(b, 0)
	}
	return string(b)
}

// Element returns the record as it is stored.
func (r *Record) Element() string {
	b := appendNumbers(make([]byte, 0, 64), r.Seq)
	return string(r.append(b, byte(r.Kind)))
}

func appendNumbers(to []byte, all ...int64) []byte {
	for _, n := range all {
		to = binary.LittleEndian.AppendUint64(to, uint64(n))
	}
	return to
}

func (c *Contribution) append(to []byte, kind byte) []byte {
	form := byte(plainForm)
	switch {
	case c.Special.Kind == RetweetEntry:
		form = retweetForm
	case c.Special != (SpecialEntry{}):
		form = replyForm
	}
	to = appendNumbers(append(to, kind<<formBits|form), c.UserID, c.SortKey)
	if form != plainForm {
		to = appendNumbers(to, c.Special.TweetID, c.Special.AuthorID, c.Special.ParentAuthorID)
	}
	return to
}

// ReadPrepared reads a timeline from its stored elements. It fails with ErrDamaged.
func ReadPrepared(elements []string) (*Prepared, error) {
	if len(elements) == 0 || len(elements[0]) < PreparedPrefix {
		return nil, ErrDamaged
	}
	p := &Prepared{ID: elements[0][1:PreparedPrefix]}
	switch elements[0][0] {
	case formBuilding:
		p.Building = true
		return p, nil
	case formSnapshot:
	default:
		return nil, ErrDamaged
	}
	if len(elements[0]) < PreparedPrefix+idSize {
		return nil, ErrDamaged
	}
	p.Generation = elements[0][PreparedPrefix : PreparedPrefix+idSize]
	d := decoder{rest: elements[0][PreparedPrefix+idSize:]}
	p.Version, p.Base, p.CompleteFrom = d.number(), d.number(), d.number()
	if n := d.count(8); n > 0 {
		p.MergedIDs = make([]int64, n)
		for i := range p.MergedIDs {
			p.MergedIDs[i] = d.number()
		}
	}
	n := d.count(17)
	p.entries = make([]Contribution, n)
	for i := range p.entries {
		p.entries[i], _ = d.contribution()
	}
	if d.failed || d.rest != "" {
		return nil, ErrDamaged
	}
	p.records = make([]Record, len(elements)-1)
	for i, e := range elements[1:] {
		d := decoder{rest: e}
		r := &p.records[i]
		r.Seq = d.number()
		r.Contribution, r.Kind = d.contribution()
		if d.failed || d.rest != "" {
			return nil, ErrDamaged
		}
	}
	return p, nil
}

// decoder reads a stored element. After a failure everything that it returns is zero.
type decoder struct {
	rest   string
	failed bool
}

func (d *decoder) take(n int) string {
	if d.failed = d.failed || len(d.rest) < n; d.failed {
		return ""
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) number() int64 {
	if b := d.take(8); b != "" {
		return SortKeys(b).At(0)
	}
	return 0
}

// count reads the number of parts that follow, each of which has at least size bytes.
func (d *decoder) count(size int) int {
	n := d.number()
	if d.failed = d.failed || n < 0 || n > int64(len(d.rest)/size); d.failed {
		return 0
	}
	return int(n)
}

func (d *decoder) contribution() (c Contribution, kind RecordKind) {
	first := d.take(1)
	if first == "" {
		return c, kind
	}
	c.UserID, c.SortKey = d.number(), d.number()
	switch first[0] & (1<<formBits - 1) {
	case plainForm:
	case retweetForm:
		c.Special = SpecialEntry{Kind: RetweetEntry, TweetID: d.number(), AuthorID: d.number(), ParentAuthorID: d.number()}
	case replyForm:
		c.Special = SpecialEntry{Kind: TweetEntry, TweetID: d.number(), AuthorID: d.number(), ParentAuthorID: d.number()}
	default:
		d.failed = true
	}
	kind = RecordKind(first[0] >> formBits)
	d.failed = d.failed || kind > Merged
	return c, kind
}
