package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// readFault cuts a node from its database just when it reads a table, in the middle of an event.
type readFault struct {
	cable *cable
	table string

	mu       sync.Mutex
	failures int // reads that are still to fail
}

// arm makes the next reads of the table fail, and everything that the node asks of its database meanwhile.
func (f *readFault) arm(failures int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = failures
}

// mend ends the fault before its time.
func (f *readFault) mend() {
	f.arm(0)
	f.cable.Restore()
}

// watch is a sqldb.Watch.
func (f *readFault) watch(_ context.Context, _ sqldb.Querier, query string, _ []any) {
	if !strings.HasPrefix(query, "SELECT") || !strings.Contains(query, f.table) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failures > 0 {
		f.failures--
		f.cable.Cut()
		return
	}
	f.cable.Restore()
}

// faultyNode starts a second node on the stores of one, whose reads of a table fail when the test says so.
func faultyNode(t *testing.T, healthy *apitest.Roost, table string) (*apitest.Roost, *readFault) {
	t.Helper()
	config, fault := healthy.Config, &readFault{table: table}
	fault.cable, config.DatabaseURL = newCable(t, config.DatabaseURL)
	config.Watch, config.Roles = fault.watch, "api"
	node := apitest.Start(t, config)
	node.Redis = healthy.Redis
	t.Cleanup(fault.mend) // before the node stops
	return node, fault
}

const countedEvents = `subscription($after: String) { homeTimelineEvents(after: $after) { __typename cursor
	... on TimelineEntryAdded { edge { node { id author { tweetCount } } } }
	... on TimelineEntryRemoved { tweetId }
	... on TimelineReset { reason } } }`

// outages are how many times in a row an event cannot be resolved: those that retries overcome, and those that
// last until the client has got a reset or an error.
const (
	brief = 1
	long  = 1 << 30
)

// homeCoverage is what a client has learned about a home timeline from its stream.
type homeCoverage struct {
	user      *apitest.User
	healthy   *apitest.Roost
	delivered map[string]bool
	// resets are the tweets that come after each reset, by its cursor.
	resets []string
	reason []string
}

// covers reports whether a tweet came, or was posted before a reset: a client that reads its timeline again has it.
func (c *homeCoverage) covers(t testing.TB, tweet, last string) bool {
	t.Helper()
	return c.delivered[tweet] || slices.ContainsFunc(c.resets, func(cursor string) bool {
		rd := &rig.Reader{User: c.user, Cursor: cursor}
		rd.Connect(t, c.healthy)
		defer rd.Leave()
		return tweet != last && !slices.Contains(rd.Until(t, "+"+last), "+"+tweet)
	})
}

// Not one event vanishes when SQL fails while it is being resolved: it is tried again, and when that does not
// help a reset with its cursor covers it. The stream goes on behind.
func TestEventsWhileSQLFails(t *testing.T) {
	t.Parallel()
	for what, table := range map[string]string{
		"a field":        "user_stats",    // the author's tweetCount, which is never in the cache after a tweet
		"the visibility": `FROM "tweets"`, // and not what counts their reactions, which no event waits for
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			testEventsWhileSQLFails(t, table)
		})
	}
}

func testEventsWhileSQLFails(t *testing.T, table string) {
	const rounds = 6
	healthy := apitest.New(t, apitest.Server)
	node, fault := faultyNode(t, healthy, table)
	ada, bob := healthy.SignUp(t, "ada"), healthy.SignUp(t, "bob")
	ada.Follow(t, bob.ID)
	rd, _ := rig.ReadHome(t, healthy, ada)
	socket := rig.UserOn(node, ada).Dial(t)
	stream := socket.Subscribe(t, countedEvents, apitest.Vars{"after": rd.Cursor})
	seen := &homeCoverage{user: ada, healthy: healthy, delivered: map[string]bool{}}
	next := func() string {
		t.Helper()
		r := stream.Next(t)
		if len(r.Errors) > 0 || r.String("homeTimelineEvents.cursor") == "" {
			t.Fatalf("an event that could not be resolved came as %s", r.Body)
		}
		event := rig.HomeEvent(t, r)
		if id, added := strings.CutPrefix(event, "+"); added {
			seen.delivered[id] = true
		} else {
			seen.resets, seen.reason = append(seen.resets, r.String("homeTimelineEvents.cursor")), append(seen.reason, event)
		}
		return event
	}
	// A reset may come instead of the tweet, if the fault met the hub while it asked whom the tweet concerns.
	upTo := func(tweet string) {
		t.Helper()
		for got := ""; got != "+"+tweet && got != "TIMELINE_REBUILT"; got = next() {
		}
	}
	var posted []string
	longFaults := 0 // those that an event has met, and not the hub
	post := func(text string) string {
		posted = append(posted, bob.Tweet(t, text))
		return posted[len(posted)-1]
	}
	upTo(post("before"))
	for i := range rounds {
		fault.arm([]int{brief, long}[i%2])
		tweet := post(fmt.Sprint("while SQL fails ", i))
		post(fmt.Sprint("behind it ", i))
		if i%2 == 0 {
			upTo(tweet)
			continue
		}
		got := next()
		for ; got != "EVENT_LOST" && got != "TIMELINE_REBUILT"; got = next() { // what came before the fault may be on its way
			if got == "+"+tweet {
				t.Fatal("an event came that cannot be resolved")
			}
		}
		if got == "EVENT_LOST" {
			longFaults++
		}
		fault.mend()
		upTo(post(fmt.Sprint("after the fault ", i)))
	}
	last := post("last")
	upTo(last)
	for i, tweet := range posted {
		if !seen.covers(t, tweet, last) {
			t.Errorf("tweet %d neither came nor was posted before a reset (%v)", i, seen.reason)
		}
	}
	lost := 0
	for _, reason := range seen.reason {
		if reason == "EVENT_LOST" {
			lost++
		} else if reason != "TIMELINE_REBUILT" { // the hub could not ask whom an event concerns
			t.Errorf("the timeline was reset because of %s", reason)
		}
	}
	if lost != longFaults || lost == 0 {
		t.Errorf("%d events were lost, want one for each of %d long faults: %v", lost, longFaults, seen.reason)
	}
	if socket.Err() != nil {
		t.Errorf("the socket was closed: %v", socket.Err())
	}
}

// The last state of a tweet's counts always arrives: a state that cannot be sent is tried again, and when that
// does not help the operation ends with an error, so that the client subscribes again and begins with what is.
func TestCountsWhileSQLFails(t *testing.T) {
	t.Parallel()
	const query = `subscription($id: ID!) { reactionsChanged(subjectIds: [$id]) {
		... on Tweet { author { tweetCount } } reactions { likeCount revision } } }`
	healthy := apitest.New(t, apitest.Server)
	node, fault := faultyNode(t, healthy, "user_stats")
	ada, bob := healthy.SignUp(t, "ada"), healthy.SignUp(t, "bob")
	tweet := bob.Tweet(t, "hello")
	socket := rig.UserOn(node, ada).Dial(t)
	subscribe := func() *apitest.Stream { return socket.Subscribe(t, query, apitest.Vars{"id": tweet}) }
	stream := subscribe()
	const likes = "reactionsChanged.reactions.likeCount"
	if got := stream.Next(t).Int(likes); got != 0 {
		t.Fatalf("it begins with %d likes", got)
	}
	bob.Tweet(t, "the counts are cold")
	fault.arm(brief)
	ada.React(t, tweet, "LIKE")
	if r := stream.Next(t); len(r.Errors) > 0 || r.Int(likes) != 1 {
		t.Fatalf("after a brief fault: %s", r.Body)
	}
	bob.Tweet(t, "the counts are cold")
	fault.arm(long)
	bob.React(t, tweet, "LIKE")
	r := stream.Next(t)
	if len(r.Errors) == 0 || r.Errors[0].Code() != "UNAVAILABLE" || r.Errors[0].Extensions["retryAfter"] == nil || len(r.Data) > 0 {
		t.Fatalf("a state that cannot be sent became %s", r.Body)
	}
	fault.mend()
	if r, err := stream.TryNext(canceled()); !errors.Is(err, context.Canceled) {
		t.Errorf("the operation goes on after its error: %v %v", r, err)
	}
	if r := subscribe().Next(t); r.Int(likes) != 2 {
		t.Errorf("subscribed again it begins with %s", r.Body)
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
