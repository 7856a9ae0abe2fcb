package rig

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"roost/testkit/apitest"
)

// Writer returns a client of the user at node n.
func (c *Cluster) Writer(u *apitest.User, n int, web *http.Client) *apitest.User {
	out := UserOn(c.Nodes[n%len(c.Nodes)].Roost, u)
	out.HTTP = web
	return out
}

// AnonymousAt returns a client of a node without a session.
func AnonymousAt(p *Process, h *http.Client) *apitest.Client {
	return &apitest.Client{URL: p.URL, HTTP: h}
}

// ProfileByID reads a profile by one key of the cache, ProfileByName by two, one after the other; WriteProfile changes it.
const (
	ProfileByID   = `query($id: ID!) { node(id: $id) { ... on User { bio } } }`
	ProfileByName = `query($name: String!) { user(username: $name) { bio } }`
	WriteProfile  = `mutation($bio: String!) { updateProfile(input: {bio: $bio}) { user { id } userErrors { code } } }`
)

// BioOf reads the text of a profile.
func BioOf(ctx context.Context, c *apitest.Client, u *apitest.User, byName bool) (string, error) {
	query, path := ProfileByID, "node.bio"
	if byName {
		query, path = ProfileByName, "user.bio"
	}
	res, err := c.Do(ctx, query, apitest.Vars{"id": u.ID, "name": u.Name})
	if err != nil {
		return "", err
	}
	if len(res.Errors) > 0 {
		return "", fmt.Errorf("the profile: %s", res.Body)
	}
	return res.String(path), nil
}

// SetBio writes the text of a profile.
func SetBio(t *testing.T, u *apitest.User, text string) {
	t.Helper()
	u.Must(t, WriteProfile, apitest.Vars{"bio": text})
}
