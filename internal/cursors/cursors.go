// Package cursors encodes opaque keyset cursors and reads the paging arguments of connections. A cursor holds the sort key of a
// row, so it stays valid when the row is deleted.
//
// A resolver reads the arguments, asks the domain for one item more than the page has, and cuts the page:
//
//	window, err := cursors.Args{First: first, After: after}.Window(cursors.Home)
//	…
//	page := cursors.Cut(window, items) // items were read in the window's direction, at most window.Size + 1
package cursors

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"

	"roost/internal/errs"
)

// Kind is the list that a cursor belongs to; it is the cursor's first byte.
type Kind byte

// The kinds of cursors. A number is never used again for another order: clients keep cursors.
const (
	Home      Kind = 'h'
	Timeline  Kind = 'l'
	Followers Kind = 'f'
	Following Kind = 'g'
	Retweets  Kind = 'r'
	Hashtag   Kind = '#'
	// Newest, Oldest and Relevant are the replies to a tweet in the three orders.
	Newest   Kind = 'n'
	Oldest   Kind = 'o'
	Relevant Kind = 'v'
	// Ranked and Latest are the tweets that a search finds, in its two orders, Named and MostFollowed the users. All but Latest have a body
	// of their own.
	Ranked       Kind = 's'
	Latest       Kind = 't'
	Named        Kind = 'u'
	MostFollowed Kind = 'm'
	// Events is the log: the sort key is a position plus one, because a position may be 0. EncodePart adds a part.
	Events Kind = 'e'
)

const (
	// DefaultSize is the page size when none is asked for.
	DefaultSize = 20
	// MaxSize is the largest page.
	MaxSize = 100
)

var encoding = base64.RawURLEncoding.Strict()

// Encode returns the cursor of a sort key, which is positive.
func Encode(k Kind, sortKey int64) string {
	return string(Append(nil, k, sortKey))
}

// Append appends the cursor of a sort key, which is positive.
func Append(b []byte, k Kind, sortKey int64) []byte {
	var raw [9]byte
	raw[0] = byte(k)
	binary.BigEndian.PutUint64(raw[1:], uint64(sortKey))
	return encoding.AppendEncode(b, raw[:])
}

// Decode returns the sort key of a cursor. It fails with BAD_REQUEST and the reason BAD_CURSOR for garbage and for cursors
// of other kinds.
func Decode(k Kind, cursor string) (int64, error) {
	if len(cursor) == 12 {
		b, err := encoding.DecodeString(cursor)
		// It is shorter if there were line breaks, which the decoder skips.
		if err == nil && len(b) == 9 && b[0] == byte(k) {
			if sortKey := int64(binary.BigEndian.Uint64(b[1:])); sortKey > 0 {
				return sortKey, nil
			}
		}
	}
	return 0, NotOfList()
}

// EncodeBody returns a cursor whose place is more than a sort key.
func EncodeBody(k Kind, body []byte) string {
	return encoding.EncodeToString(append([]byte{byte(k)}, body...))
}

// maxBody is the longest body of a cursor, in bytes.
const maxBody = 64

// DecodeBody returns the body of a cursor of EncodeBody. It fails like Decode; its caller checks the body.
func DecodeBody(k Kind, cursor string) ([]byte, error) {
	if len(cursor) <= encoding.EncodedLen(maxBody+1) && !strings.ContainsAny(cursor, "\r\n") { // the decoder skips line breaks
		if b, err := encoding.DecodeString(cursor); err == nil && len(b) > 1 && b[0] == byte(k) {
			return b[1:], nil
		}
	}
	return nil, NotOfList()
}

// NotOfList returns the error of a cursor that does not belong to its list: BAD_REQUEST with the reason BAD_CURSOR.
func NotOfList() *errs.Error {
	return errs.New(errs.BadRequest, "the cursor is not one of this list").Because(errs.ReasonBadCursor)
}

// EncodePart returns a cursor within what is at a sort key, after the first parts of it: 1 to 255. Without parts it is Encode's.
func EncodePart(k Kind, sortKey int64, parts int) string {
	if parts == 0 {
		return Encode(k, sortKey)
	}
	return encoding.EncodeToString(append(binary.BigEndian.AppendUint64([]byte{byte(k)}, uint64(sortKey)), byte(parts)))
}

// DecodePart returns the sort key and the parts of a cursor of EncodePart. It fails like Decode.
func DecodePart(k Kind, cursor string) (sortKey int64, parts int, err error) {
	if len(cursor) == 14 {
		b, err := encoding.DecodeString(cursor)
		if err == nil && len(b) == 10 && b[0] == byte(k) && b[9] > 0 {
			if sortKey := int64(binary.BigEndian.Uint64(b[1:])); sortKey > 0 {
				return sortKey, int(b[9]), nil
			}
		}
	}
	sortKey, err = Decode(k, cursor)
	return sortKey, 0, err
}

// Args are the paging arguments of a connection as they were given.
type Args struct {
	First  *int32
	After  *string
	Last   *int32
	Before *string
}

// Window is a part of a list in descending order of sort keys: Size items with Above > key > Below, from the newest down,
// or from the oldest up if Backward.
type Window struct {
	Size     int
	Above    int64
	Below    int64
	Backward bool
}

// Whole returns the window of size items that starts at the newest.
func Whole(size int) Window { return Window{Size: size, Above: math.MaxInt64} }

// Window returns the part of a list that the arguments ask for: `first` with `after`, or `last` with `before`, each from 0
// to MaxSize. Without a size it is DefaultSize. Anything else fails with BAD_REQUEST and the reason PAGE_SIZE or BAD_CURSOR.
func (a Args) Window(k Kind) (Window, error) {
	w := Whole(DefaultSize)
	switch {
	case a.First != nil && a.Last != nil:
		return w, errs.New(errs.BadRequest, "set `first` or `last`, not both").Because(errs.ReasonPageSize)
	case a.Last != nil && a.After != nil, a.First != nil && a.Before != nil, a.After != nil && a.Before != nil:
		return w, errs.New(errs.BadRequest, "`first` goes with `after`, `last` with `before`").Because(errs.ReasonPageSize)
	case a.Last != nil || a.Before != nil:
		w.Backward = true
	}
	for _, n := range []*int32{a.First, a.Last} {
		if n == nil {
			continue
		}
		if *n < 0 || *n > MaxSize {
			return w, errs.Newf(errs.BadRequest, "`first` and `last` take 0 to %d", MaxSize).Because(errs.ReasonPageSize)
		}
		w.Size = int(*n)
	}
	var err error
	if a.After != nil {
		w.Above, err = Decode(k, *a.After)
	}
	if a.Before != nil {
		w.Below, err = Decode(k, *a.Before)
	}
	return w, err
}

// Page is a part of a list, newest first.
type Page[T any] struct {
	Items []T
	// More reports that the list continues after the page in the direction of reading: with older items, or with newer items if
	// the window was Backward.
	More bool
}

// Cut returns the page of a window. The items were read in the window's direction, up to one more than its size; the page
// has them newest first.
func Cut[T any](w Window, items []T) Page[T] {
	p := Page[T]{Items: items}
	if len(items) > w.Size {
		p.Items, p.More = items[:w.Size], true
	}
	if w.Backward {
		for i, j := 0, len(p.Items)-1; i < j; i, j = i+1, j-1 {
			p.Items[i], p.Items[j] = p.Items[j], p.Items[i]
		}
	}
	return p
}
