package api

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/Khan/genqlient/graphql"

	"roost/docs/api/genqlient"
	"roost/docs/api/goclient"
	"roost/testkit/apitest"
)

// The client in Go that the guide shows works, continues after lost connections, and ends with the session.
func TestGuideClient(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Embedded)
	u := r.SignUp(t, "gopher")
	var mu sync.Mutex
	var conns []net.Conn
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		mu.Lock()
		defer mu.Unlock()
		conns = append(conns, conn)
		return conn, err
	}
	c := &goclient.Client{URL: r.URL, Key: u.Key, HTTP: &http.Client{Transport: &http.Transport{DialContext: dial}}}
	ctx, cancel := context.WithTimeout(context.Background(), apitest.Patience)
	defer cancel()
	var me struct {
		Viewer struct{ User struct{ Username string } }
	}
	if err := c.Run(ctx, "{ viewer { user { username } } }", nil, &me); err != nil || me.Viewer.User.Username != u.Name {
		t.Fatalf("%+v, %v", me, err)
	}
	var failed *goclient.Error
	if err := c.Run(ctx, "{ nobody }", nil, nil); !errors.As(err, &failed) || failed.Extensions.Reason != "VALIDATION" {
		t.Errorf("an unknown field gives %v", err)
	}
	read := make(chan string, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- c.Watch(ctx, "subscription { homeTimelineEvents { ... on TimelineEntryAdded { edge { node { text } } } } }",
			func(data json.RawMessage) error {
				var event struct {
					HomeTimelineEvents struct {
						Edge struct{ Node struct{ Text string } }
					}
				}
				err := json.Unmarshal(data, &event)
				read <- event.HomeTimelineEvents.Edge.Node.Text
				return err
			})
	}()
	var wanted, got []string
	post := func() {
		text := apitest.Unique("tweet ")
		u.Tweet(t, text)
		wanted = append(wanted, text)
	}
	receive := func() {
		for len(read) > 0 {
			got = append(got, <-read)
		}
	}
	apitest.Until(t, "the stream to begin", func() bool {
		if receive(); len(got) == 0 {
			post()
		}
		return len(got) > 0
	})
	mu.Lock()
	opened := len(conns)
	for _, conn := range conns {
		_ = conn.Close()
	}
	mu.Unlock()
	for range 3 {
		post()
	}
	apitest.Until(t, "the last tweet to come", func() bool {
		receive()
		return len(got) > 0 && got[len(got)-1] == wanted[len(wanted)-1]
	})
	mu.Lock()
	defer mu.Unlock()
	if len(conns) == opened {
		t.Error("the connection was not lost")
	}
	if !slices.Equal(got, wanted[len(wanted)-len(got):]) {
		t.Errorf("read %q of %q", got, wanted)
	}
	u.Must(t, "mutation { logOut { userErrors { code } } }", nil)
	if err := <-ended; !errors.As(err, &failed) || failed.Extensions.Code != "UNAUTHENTICATED" {
		t.Errorf("the stream ends with %v", err)
	}
}

// keyed sends the key of a session with each request.
type keyed struct{ key string }

func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+k.key)
	return http.DefaultTransport.RoundTrip(r)
}

// The client that genqlient generates works: a mutation, a refusal, a query with a page.
func TestGuideGeneratedClient(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Embedded)
	ctx, cancel := context.WithTimeout(context.Background(), apitest.Patience)
	defer cancel()
	name := apitest.Unique("gen")
	nobody := graphql.NewClient(r.URL+"/graphql", http.DefaultClient)
	signed, err := genqlient.SignUp(ctx, nobody, name, name+"@example.com", "correct horse battery")
	if err != nil || len(signed.SignUp.UserErrors) > 0 || signed.SignUp.Token == nil {
		t.Fatalf("%+v, %v", signed, err)
	}
	client := graphql.NewClient(r.URL+"/graphql", &http.Client{Transport: keyed{*signed.SignUp.Token}})
	posted, err := genqlient.Post(ctx, client, "Typed")
	if err != nil || posted.CreateTweet.Tweet == nil {
		t.Fatalf("%+v, %v", posted, err)
	}
	refused, err := genqlient.Post(ctx, client, " ")
	if err != nil || len(refused.CreateTweet.UserErrors) != 1 || refused.CreateTweet.UserErrors[0].Code != genqlient.UserErrorCodeRequired {
		t.Errorf("an empty tweet gives %+v, %v", refused, err)
	}
	home, err := genqlient.Home(ctx, client, 10, nil)
	if err != nil || len(home.Viewer.HomeTimeline.Nodes) != 1 || home.Viewer.HomeTimeline.Nodes[0].Text != "Typed" {
		t.Errorf("the home timeline is %+v, %v", home, err)
	}
	if _, err := genqlient.Home(ctx, client, -1, nil); err == nil {
		t.Error("a page of -1 tweets is no error")
	}
}
