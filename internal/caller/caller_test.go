package caller

import (
	"sync"
	"testing"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	c := New(1, 10)
	check := func(when string, user, session int64, made map[int64]bool) {
		t.Helper()
		if c.UserID() != user || c.SessionID() != session {
			t.Errorf("%s it is user %d of session %d, want %d of %d", when, c.UserID(), c.SessionID(), user, session)
		}
		for s, want := range made {
			if c.MadeBy(s) != want {
				t.Errorf("%s it is made by session %d: %v", when, s, !want)
			}
		}
	}
	check("at first", 1, 10, map[int64]bool{0: false, 10: true, 20: false})
	c.SignIn(2, 20)
	check("signed in", 2, 20, map[int64]bool{0: false, 10: true, 20: true})
	c.SignOut()
	check("signed out", 0, 0, map[int64]bool{0: false, 10: true, 20: false})
	c = New(0, 0)
	check("anonymous", 0, 0, map[int64]bool{0: false})
}

func TestContext(t *testing.T) {
	t.Parallel()
	c := New(1, 10)
	if From(With(t.Context(), c)) != c {
		t.Error("another caller comes out of the context")
	}
	if nobody := From(t.Context()); nobody == nil || nobody.UserID() != 0 || nobody.SessionID() != 0 || nobody.MadeBy(0) {
		t.Error("without a caller there is somebody")
	}
}

// Fields of one operation read the caller while another signs in.
func TestChangesAtOnce(t *testing.T) {
	t.Parallel()
	c := New(1, 1)
	var all sync.WaitGroup
	for i := range int64(4) {
		all.Go(func() {
			for range 1000 {
				c.SignIn(i, i)
				if u := c.UserID(); u < 0 || u > 3 {
					t.Errorf("user %d", u)
				}
				_ = c.MadeBy(i)
			}
		})
	}
	all.Wait()
}
