package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Vars are the variables of an operation.
type Vars = map[string]any

// Client speaks to a node over HTTP as one user, or as nobody.
type Client struct {
	URL string
	// Key is sent as Bearer; empty is anonymous.
	Key  string
	HTTP *http.Client
}

// User is a signed-up user with a client of its own.
type User struct {
	*Client
	// ID is the global id of the user. SessionID is the global id of the session in use.
	ID, SessionID  string
	Name, Password string
}

// Anonymous returns a client without a session.
func (r *Roost) Anonymous() *Client { return &Client{URL: r.URL, HTTP: http.DefaultClient} }

// As returns a client with a session key.
func (r *Roost) As(key string) *Client {
	return &Client{URL: r.URL, Key: key, HTTP: http.DefaultClient}
}

// SignUp makes a user with a unique name that starts with the prefix.
func (r *Roost) SignUp(t testing.TB, prefix string) *User {
	t.Helper()
	u := &User{Name: Unique(prefix), Password: "correct horse"}
	res := r.admitted(t, `mutation($i: SignUpInput!) { signUp(input: $i) {
		token viewer { user { id } } session { id } userErrors { code message path } } }`,
		Vars{"i": Vars{"username": u.Name, "email": u.Name + "@example.com", "password": u.Password, "tokenDelivery": "TOKEN"}})
	if n := len(res.Get("signUp.userErrors").([]any)); n > 0 {
		t.Fatalf("sign up %s: %s", u.Name, res.Data)
	}
	u.ID, u.SessionID = res.String("signUp.viewer.user.id"), res.String("signUp.session.id")
	u.Client = r.As(res.String("signUp.token"))
	return u
}

// LogIn signs the user in once more and returns a client with the new session.
func (r *Roost) LogIn(t testing.TB, u *User) *User {
	t.Helper()
	res := r.admitted(t, `mutation($i: LogInInput!) { logIn(input: $i) { token session { id } userErrors { code } } }`,
		Vars{"i": Vars{"login": u.Name, "password": u.Password, "tokenDelivery": "TOKEN"}})
	return &User{Client: r.As(res.String("logIn.token")), ID: u.ID, SessionID: res.String("logIn.session.id"), Name: u.Name,
		Password: u.Password}
}

// admitted runs an anonymous operation that checks or sets a password. On a slow machine tests beside each other make more of
// them than the queue for passwords serves in time; like a client, it then tries again. Such a refusal has changed nothing.
func (r *Roost) admitted(t testing.TB, query string, vars Vars) *Response {
	t.Helper()
	var res *Response
	Until(t, "the queue of sign-ins to have room", func() bool {
		res = r.Anonymous().Run(t, query, vars)
		return !slices.ContainsFunc(res.Errors, func(e ResponseError) bool {
			return e.Code() == "UNAVAILABLE" && strings.HasPrefix(e.Message, "sign-in is busy")
		})
	})
	if len(res.Errors) > 0 {
		t.Fatalf("run %.300s: %s", query, res.Body)
	}
	return res
}

// Response is the answer to an operation.
type Response struct {
	Status int
	Header http.Header
	Data   json.RawMessage `json:"data"`
	Errors []ResponseError `json:"errors"`
	// Extensions hold what a Metered node reports of the answer's cost.
	Extensions struct{ Cost *Cost } `json:"extensions"`
	Body       []byte
	// Order is the number of the message among all messages of a socket, whatever operation they belong to.
	Order int `json:"-"`
	data  any
}

// ResponseError is an entry of `errors`.
type ResponseError struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path"`
	Extensions map[string]any `json:"extensions"`
}

// Code returns the error's code, empty if it has none.
func (e ResponseError) Code() string {
	s, _ := e.Extensions["code"].(string)
	return s
}

// Do runs an operation. An error means that no GraphQL answer came.
func (c *Client) Do(ctx context.Context, query string, vars Vars) (*Response, error) {
	return c.Send(ctx, map[string]any{"query": query, "variables": vars})
}

// Send posts a request of any form, such as one with a hash instead of a query.
func (c *Client) Send(ctx context.Context, request any) (*Response, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	r := &Response{Status: res.StatusCode, Header: res.Header}
	if r.Body, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(r.Body, r); err != nil {
		return nil, fmt.Errorf("status %d: %w: %.200s", res.StatusCode, err, r.Body)
	}
	if len(r.Data) > 0 {
		if err := json.Unmarshal(r.Data, &r.data); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Run runs an operation and fails the test if no GraphQL answer came; the answer may hold errors.
func (c *Client) Run(t testing.TB, query string, vars Vars) *Response {
	t.Helper()
	r, err := c.Do(context.Background(), query, vars)
	if err != nil {
		t.Fatalf("run %.200s: %v", query, err)
	}
	return r
}

// Must runs an operation and fails the test if the answer holds errors.
func (c *Client) Must(t testing.TB, query string, vars Vars) *Response {
	t.Helper()
	r := c.Run(t, query, vars)
	if len(r.Errors) > 0 {
		t.Fatalf("run %.300s: %s", query, r.Body)
	}
	return r
}

// Get follows a path of names and indexes through the data, such as "viewer.homeTimeline.nodes.0.id";
// nil where there is nothing.
func (r *Response) Get(path string) any { return Get(r.data, path) }

// Get follows a path through decoded JSON.
func Get(v any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}

// String returns the string at a path, empty where there is none.
func (r *Response) String(path string) string {
	s, _ := r.Get(path).(string)
	return s
}

// Int returns the whole number at a path, -1 where there is none.
func (r *Response) Int(path string) int {
	n, ok := r.Get(path).(float64)
	if !ok {
		return -1
	}
	return int(n)
}

// Strings collects one field of each item of a list.
func (r *Response) Strings(list, field string) []string {
	items, _ := r.Get(list).([]any)
	out := make([]string, len(items))
	for i, it := range items {
		out[i], _ = Get(it, field).(string)
	}
	return out
}

var timing = regexp.MustCompile(`(\w+);dur=[\d.]+;desc="(\d+)"`)

// Cost returns the numbers of SQL statements and Redis round trips that the Server-Timing header reports.
func (r *Response) Cost() (sql, redis int) {
	for _, m := range timing.FindAllStringSubmatch(r.Header.Get("Server-Timing"), -1) {
		n, _ := strconv.Atoi(m[2])
		switch m[1] {
		case "sql":
			sql = n
		case "redis":
			redis = n
		}
	}
	return sql, redis
}

// Answer returns a response with made-up data.
func Answer(data any) *Response { return &Response{data: data} }
