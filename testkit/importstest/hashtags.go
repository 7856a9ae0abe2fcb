package importstest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/domain/tweets"
	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/cursors"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// spellings are words of texts. Those that begin with # are hashtags; the same one in another case is the same hashtag.
var spellings = []string{
	"#roost", "#Roost", "#ROOST", "#café", "#Café", "#日本", "#ночь", "#НОЧЬ", "#r2d2", "#under_score", "roost",
	"plain", "a#none", "#1", "words",
}

// taggedText draws a text. It has no more hashtags than are stored of a tweet.
func taggedText(rnd *rand.Rand) string {
	words := make([]string, 1+rnd.IntN(tweets.MaxHashtags))
	for i := range words {
		words[i] = spellings[rnd.IntN(len(spellings))]
	}
	return strings.Join(words, " ")
}

// naive returns the hashtags of a text that taggedText has drawn, in lower case.
func naive(text string) map[string]bool {
	found := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		if name, ok := strings.CutPrefix(word, "#"); ok && name != "1" {
			found[strings.ToLower(name)] = true
		}
	}
	return found
}

// After an import, and after the worker that stores the hashtags of older tweets, the tweets of each hashtag are those whose texts have
// it, newest first. Tweets that somebody had posted before the import belong to them.
func hashtagsAreThoseOfTheTexts(t *testing.T, s *Store) {
	const n, later = 300, 40
	rnd := rand.New(rand.NewPCG(7, 7))
	var lines strings.Builder
	for i := range n {
		text, err := json.Marshal(taggedText(rnd))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, `{"id": %d, "author_id": 1, "text": %s, "created_at": "2024-01-%02dT10:00:%02dZ"}`+"\n", i+1, text, 1+i%28, i%60)
	}
	o := s.Options(Files(t, map[string]string{"users.tsv": "id\tusername\tname\n1\tann\tAnn\n", "tweets.jsonl": lines.String()}))
	o.ChunkLines = 100
	s.Run(t, o)
	if got := s.Number(t, "SELECT count(*) FROM tweets"); got != n {
		t.Fatalf("%d tweets were imported", got)
	}
	client, now := ent.NewClient(ent.Driver(s.Driver)), clock.NewFake(time.Now())
	store := tweets.New(client, s.DB, events.New(client, now), ids.NewGenerator(now, idlease.New(s.DB)))
	s.equalsNaiveScan(t, "after the import", store)

	// A release without hashtags has posted tweets, and has imported some; then the worker of this release runs.
	author := s.Number(t, "SELECT id FROM users")
	for range later {
		if _, err := store.Post(t.Context(), author, taggedText(rnd)); err != nil {
			t.Fatal(err)
		}
	}
	s.Exec(t, "DELETE FROM tweet_hashtags WHERE tweet_id % 3 = 0 OR tweet_id > (SELECT max(row_id) FROM imported_ids WHERE kind = 'tweet')")
	now.Add(2 * time.Minute)
	fill := tweets.NewHashtagFill(store, now.Now)
	for more := true; more; {
		var err error
		if more, err = fill.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.equalsNaiveScan(t, "after the worker", store)
}

// equalsNaiveScan compares the pages of each hashtag with all texts.
func (s *Store) equalsNaiveScan(t *testing.T, when string, store *tweets.Tweets) {
	t.Helper()
	want := map[string][]int64{}
	rows, err := s.Writer().QueryContext(t.Context(), "SELECT id, text FROM tweets ORDER BY id DESC")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int64
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			t.Fatal(err)
		}
		for name := range naive(text) {
			want[name] = append(want[name], id)
		}
	}
	if err := rows.Err(); err != nil || len(want) < 6 {
		t.Fatalf("%d hashtags: %v", len(want), err)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got := tagged(t, store, name); !slices.Equal(got, want[name]) {
			t.Errorf("%s, #%s has %d tweets, and %d texts have it", when, name, len(got), len(want[name]))
		}
	}
}

// tagged returns the tweets with a hashtag, read in pages.
func tagged(t *testing.T, store *tweets.Tweets, name string) (all []int64) {
	t.Helper()
	id, ok := tweets.HashtagNamed(name)
	if !ok {
		t.Fatalf("%q is no name of a hashtag", name)
	}
	key := sqldb.Key{Owner: id, Window: cursors.Whole(50)}
	for more := true; more; {
		pages, err := store.OfHashtags(t.Context(), []sqldb.Key{key})
		if err != nil {
			t.Fatal(err)
		}
		page := pages[key]
		for _, e := range page.Items {
			all = append(all, e.Item)
			key.Window.Above = e.SortKey
		}
		more = page.More
	}
	return all
}
