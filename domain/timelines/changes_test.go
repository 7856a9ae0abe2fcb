package timelines_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"

	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/ent/schema"
	"roost/events"
)

// indexWhere returns the condition of an index of the schema.
func indexWhere(t *testing.T, table ent.Interface, name string) string {
	t.Helper()
	for _, i := range table.Indexes() {
		d := i.Descriptor()
		if d.StorageKey != name {
			continue
		}
		for _, a := range d.Annotations {
			if a, ok := a.(*entsql.IndexAnnotation); ok {
				return a.Where
			}
		}
	}
	t.Fatalf("the schema has no index %s with a condition", name)
	return ""
}

// The indexes that timelines are read through have the conditions of the domain: PostgreSQL uses them for no others.
func TestIndexesHaveTheConditionsOfTheRules(t *testing.T) {
	t.Parallel()
	want := fmt.Sprintf("type IN ('%s')", strings.Join(timelines.HomeEventTypes(), "', '"))
	if got := indexWhere(t, schema.Event{}, "events_of_home"); got != want {
		t.Errorf("events_of_home has the events %s, want %s", got, want)
	}
	if got := indexWhere(t, schema.Tweet{}, "tweets_of_author"); got != tweets.VisibleSQL {
		t.Errorf("tweets_of_author has the tweets %s, want %s", got, tweets.VisibleSQL)
	}
}

// Each event changes home timelines as the table says, and no other event does.
func TestHomeChanges(t *testing.T) {
	t.Parallel()
	var types []string
	for _, c := range []struct {
		event events.Event
		want  timelines.HomeChange
	}{
		{events.TweetPosted{TweetID: 1, AuthorID: 2}, timelines.HomeChange{Kind: timelines.EntryAdded, TweetID: 1, AuthorID: 2}},
		{events.TweetDeleted{TweetID: 1, AuthorID: 2}, timelines.HomeChange{Kind: timelines.EntryRemoved, TweetID: 1, AuthorID: 2}},
		{events.TweetRetweeted{TweetID: 1, AuthorID: 2, UserID: 5, SortKey: 6},
			timelines.HomeChange{Kind: timelines.Retweeted, TweetID: 1, AuthorID: 2, UserID: 5, SortKey: 6}},
		{events.RetweetUndone{TweetID: 1, AuthorID: 2, UserID: 5, SortKey: 6},
			timelines.HomeChange{Kind: timelines.RetweetEnded, TweetID: 1, AuthorID: 2, UserID: 5, SortKey: 6}},
		{events.UserFollowed{FollowerID: 3, FolloweeID: 4}, timelines.HomeChange{Kind: timelines.Rebuilt, ViewerID: 3}},
		{events.UserUnfollowed{FollowerID: 3, FolloweeID: 4}, timelines.HomeChange{Kind: timelines.Rebuilt, ViewerID: 3}},
		{events.RowsImported{}, timelines.HomeChange{Kind: timelines.Rebuilt}},
		{events.UserSuspended{UserID: 3}, timelines.HomeChange{Kind: timelines.Rebuilt}},
		{events.UserRestored{UserID: 3}, timelines.HomeChange{Kind: timelines.Rebuilt}},
	} {
		if got, ok := timelines.HomeChangeOf(c.event); !ok || got != c.want {
			t.Errorf("%s changes home timelines by %+v (%t), want %+v", c.event.Type(), got, ok, c.want)
		}
		types = append(types, c.event.Type())
	}
	if !slices.Equal(types, timelines.HomeEventTypes()) {
		t.Errorf("home timelines are changed by %v, this test has %v", timelines.HomeEventTypes(), types)
	}
	for _, e := range events.All() {
		if got, ok := timelines.HomeChangeOf(e); ok != slices.Contains(types, e.Type()) {
			t.Errorf("%s changes home timelines by %+v (%t)", e.Type(), got, ok)
		}
	}
}
