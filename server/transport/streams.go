package transport

import (
	"net/netip"
	"sync"
	"time"

	"roost/internal/errs"
)

// streamPoints is the least charge for an open subscription, in points (see package guard): each event has to be checked and
// sent, even if little of it is selected.
const streamPoints = 60

// streams holds the open subscriptions of all sockets. It bounds how many points an event of all subscriptions of one owner may
// cost together. Equal subscriptions share their events.
type streams struct {
	perUser, perAddress int

	mu     sync.Mutex
	points map[owner]int
	equals map[streamKey]*equals
}

// owner is the user who is charged for a subscription, or the network of a caller without a session.
type owner struct {
	user    int64
	network netip.Prefix
}

// openStream is an open subscription.
type openStream struct {
	of     *streams
	owner  owner
	points int
	key    streamKey
	equals *equals
	closed bool // under of.mu
}

func newStreams(perUser, perAddress int) *streams {
	return &streams{perUser: perUser, perAddress: perAddress, points: map[owner]int{}, equals: map[streamKey]*equals{}}
}

// open charges a subscription that costs so many points an event. The error says why it may not be open. Equal subscriptions cost
// as much as others, because an event that is too long to be shared is made for each of them.
func (s *streams) open(who InitResult, network netip.Prefix, key streamKey, points int) (*openStream, *errs.Error) {
	by, limit, whose := owner{user: who.UserID}, s.perUser, "this user"
	if who.UserID == 0 {
		by, limit, whose = owner{network: network}, s.perAddress, "this address"
	}
	points = max(points, streamPoints)
	if points > s.perUser {
		return nil, errs.Newf(errs.QueryTooComplex, "an event of the subscription may cost more than %d points; select less", s.perUser)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.points[by]+points > limit {
		return nil, &errs.Error{Kind: errs.RateLimited, RetryAfter: 10 * time.Second,
			Message: "the open subscriptions of " + whose + " cost too much together; complete some of them"}
	}
	s.points[by] += points
	e := s.equals[key]
	if e == nil {
		e = &equals{}
		s.equals[key] = e
	}
	e.join(1)
	return &openStream{of: s, owner: by, points: points, key: key, equals: e}, nil
}

// close ends the charge for the subscription. Another call does nothing.
func (st *openStream) close() {
	s := st.of
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.closed {
		return
	}
	st.closed = true
	if s.points[st.owner] -= st.points; s.points[st.owner] == 0 {
		delete(s.points, st.owner)
	}
	if st.equals.join(-1) == 0 {
		delete(s.equals, st.key)
	}
}
