package api

import (
	"fmt"
	"slices"

	"roost/testkit/apitest"
)

// What members do to their profiles and sessions.

func (c *historian) rename(m *member) error {
	name := fmt.Sprintf("%s the %d.", m.login, c.rnd.IntN(1000))
	res, refused, err := c.act(m, `mutation($n: String!) { op: updateProfile(input: {name: $n}) { user { name } userErrors { code } } }`,
		apitest.Vars{"n": name})
	if err != nil || refused != "" || res.String("op.user.name") != name {
		return fmt.Errorf("rename: %s %w", refused, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m.name = name
	return nil
}

// end revokes any of the member's sessions: the one in use, another, or one that has ended.
func (c *historian) end(m *member) error {
	s := m.sessions[c.rnd.IntN(len(m.sessions))]
	res, refused, err := c.act(m,
		`mutation($id: ID!) { op: revokeSession(input: {sessionId: $id}) { session { id endReason } userErrors { code } } }`,
		apitest.Vars{"id": s.id})
	if err != nil || refused != "" {
		return fmt.Errorf("revoke: %s %w", refused, err)
	}
	if s.ended == "" {
		s.ended = "REVOKED"
	}
	if got := res.String("op.session.endReason"); got != s.ended {
		return fmt.Errorf("revoke: the reason is %s, want %s", got, s.ended)
	}
	return nil
}

func (c *historian) endOthers(m *member) error {
	others := m.live()[1:]
	res, refused, err := c.act(m, `mutation { op: revokeOtherSessions { sessions { id } userErrors { code } } }`, nil)
	if err != nil || refused != "" {
		return fmt.Errorf("revoke others: %s %w", refused, err)
	}
	if got := res.Strings("op.sessions", "id"); len(got) != len(others) {
		return fmt.Errorf("revoke others: %d ended, want %d", len(got), len(others))
	}
	for _, s := range others {
		s.ended = "REVOKED"
	}
	return nil
}

func (c *historian) logOut(m *member) error {
	s := m.live()[0]
	if _, refused, err := c.act(m, `mutation { op: logOut { session { id } userErrors { code } } }`, nil); err != nil || refused != "" {
		return fmt.Errorf("log out: %s %w", refused, err)
	}
	s.ended = "LOGGED_OUT"
	return nil
}

// readOwn reads what only the member changes: it is as the member left it, whatever the others do.
func (c *historian) readOwn(m *member) error {
	res, _, err := c.act(m, `{ viewer { sessions { id } user { name tweetCount timeline(first: 50, include: [TWEETS]) { nodes { id } }
		following(first: 50) { totalCount nodes { id } } } } }`, nil)
	if err != nil {
		return err
	}
	var following []string
	for _, o := range slices.Backward(m.following) {
		following = append(following, o.id)
	}
	own := m.own()
	switch {
	case res.String("viewer.user.name") != m.name,
		res.Int("viewer.user.tweetCount") != len(m.tweets),
		res.Int("viewer.user.following.totalCount") != len(m.following),
		!slices.Equal(res.Strings("viewer.user.timeline.nodes", "id"), own[:min(50, len(own))]),
		!slices.Equal(res.Strings("viewer.user.following.nodes", "id"), following[:min(50, len(following))]),
		len(res.Strings("viewer.sessions", "id")) != len(m.live()):
		return fmt.Errorf("%s reads %s; has %d tweets %v, follows %v, %d sessions", m.login, res.Data, len(m.tweets), own[:min(5, len(own))],
			following, len(m.live()))
	}
	return nil
}
