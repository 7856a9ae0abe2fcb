package search_test

import (
	"slices"
	"testing"

	"roost/domain/search"
	"roost/domain/tweets"
	"roost/internal/cursors"
	"roost/internal/entities"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/domaintest"
)

// A search for a hashtag finds the tweets in the list of the hashtag, in every spelling, as long as they have at most MaxHashtags.
func TestSearchesFindTheTweetsOfHashtags(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := domaintest.On(t, c)
		d.Users(t, 1)
		texts := []string{
			"#Roost and #roost", "＃ＲＯＯＳＴ, #rooſt", "roost without a sign", "a#roost in a word", "#roosts",
			"#straße (#STRASSE)", "#café", "#cafe\u0301!", "#日本 #日本語", "日本#日本", "#go_lang #Go #lang", "#go-lang", "#_x #x_ #_",
			"#1st #1 #a1", "#ısı #isi #ISI", "#i\u0307 #İ",
			"https://example.com/#roost", "#roost.com", "#a\u200db #ab", "#❤️ #️⃣", "##roost",
			"#roost#roost2", "(#roost)", "#नमस्ते #ไทย",
		}
		for _, text := range texts {
			d.Post(t, 1, text)
		}
		if _, err := d.Search.Rebuild(t.Context(), false, nil); err != nil {
			t.Fatal(err)
		}
		names := 0
		for _, text := range texts {
			for _, e := range entities.Find(text) {
				if e.Kind != entities.Hashtag {
					continue
				}
				names++
				id, _ := tweets.HashtagNamed(e.Name)
				key := sqldb.Key{Owner: id, Window: cursors.Whole(50)}
				pages, err := d.Tweets.OfHashtags(t.Context(), []sqldb.Key{key})
				if err != nil {
					t.Fatal(err)
				}
				var listed []int64
				for _, item := range pages[key].Items {
					listed = append(listed, item.Item)
				}
				got := find(t, d, search.Key{Query: "#" + e.Name, Order: search.Newest})
				if !slices.Equal(got, listed) || len(got) == 0 {
					t.Errorf("#%s finds %v; the list has %v", e.Name, got, listed)
				}
			}
		}
		if names < len(texts) {
			t.Errorf("the texts have %d hashtags only", names)
		}
	})
}
