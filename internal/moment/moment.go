// Package moment marks points in time that the reads of one request share. See package cache, which keeps copies of rows in the
// process: what reads of one moment return is no older than anything that was acknowledged before the moment began.
//
// A position of the log that a request reports to its client must be noted before the request's moment begins. If it is noted
// later, a new moment must begin after it. A request that writes begins a new moment after the write.
package moment

import (
	"context"
	"slices"
	"sync"
)

// Moment is a point in time. The zero Moment begins when it is made. It is safe for concurrent use, and a nil *Moment is never confirmed.
type Moment struct {
	mu     sync.Mutex
	number int
	seen   []confirmed
	noted  any // since the moment began; nil if nothing was
}

// confirmed says that a source was asked within the moment with a number, and has answered.
type confirmed struct {
	source any
	number int
}

// Key is the key of the moment among the values of a context.
type Key struct{}

// With returns a context whose reads share a moment, which begins now.
func With(ctx context.Context) (context.Context, *Moment) {
	m := new(Moment)
	return context.WithValue(ctx, Key{}, m), m
}

// From returns the moment of a context. It returns nil if each read has a moment of its own.
func From(ctx context.Context) *Moment {
	m, _ := ctx.Value(Key{}).(*Moment)
	return m
}

// Renew ends the moment, and begins a new one.
func (m *Moment) Renew() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.number++
	m.noted, m.seen = nil, nil
}

// Note returns what note returned when it was first called in the moment: before the first read asks a source. With nil it calls note.
func (m *Moment) Note(note func() any) any {
	if m == nil {
		return note()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.note(note)
}

func (m *Moment) note(note func() any) any {
	if m.noted == nil && note != nil {
		m.noted = note()
	}
	return m.noted
}

// Enter is Note for a read that will ask a source. It returns the number of the moment, for Confirmed and Confirm. note may be nil.
func (m *Moment) Enter(note func() any) (number int) {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note(note)
	return m.number
}

// Confirmed reports whether a source has confirmed the moment with the number, and it has not ended.
func (m *Moment) Confirmed(source any, number int) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.number == number && slices.Contains(m.seen, confirmed{source, number})
}

// Confirm notes that a source has answered what it was asked after Enter returned the number.
func (m *Moment) Confirm(source any, number int) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.number == number && !slices.Contains(m.seen, confirmed{source, number}) {
		m.seen = append(m.seen, confirmed{source, number})
	}
}
