package api

import (
	"html"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"roost/app"
	"roost/testkit/apitest"
)

var titleOfPage = regexp.MustCompile(`<title>(.*?)</title>`)

// pageOf asks a node for a page, as a browser does.
func pageOf(t *testing.T, r *apitest.Roost, path string) (status int, title, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	m := titleOfPage.FindStringSubmatch(string(raw))
	if m == nil {
		t.Fatalf("%s: %d, and no title in %s", path, resp.StatusCode, raw)
	}
	return resp.StatusCode, html.UnescapeString(m[1]), string(raw)
}

const (
	notFound = "Not found · Roost"
	general  = "Roost" // of a page whose head could not be read in time
)

// headedPageOf asks for a page until it has a head of its own: on a slow machine a read may take too long.
func headedPageOf(t *testing.T, r *apitest.Roost, path string) (status int, title, body string) {
	t.Helper()
	apitest.Until(t, path+" has a head of its own", func() bool {
		status, title, body = pageOf(t, r, path)
		return title != general
	})
	return status, title, body
}

// expectPage fails unless a page has a title, and a status that follows from it.
func expectPage(t *testing.T, r *apitest.Roost, path, title string) {
	t.Helper()
	want := http.StatusOK
	if title == notFound {
		want = http.StatusNotFound
	}
	if status, got, _ := headedPageOf(t, r, path); status != want || got != title {
		t.Errorf("%s: %d %q, want %d %q", path, status, got, want, title)
	}
}

// The pages to which the API's URLs lead say what an anonymous reader of the API sees, and follow every write.
func TestPagesSayWhatTheAPIShows(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		rename := func(name, bio string) {
			t.Helper()
			ada.Must(t, `mutation($i: UpdateProfileInput!) { updateProfile(input: $i) { user { name } userErrors { message } } }`,
				apitest.Vars{"i": apitest.Vars{"name": name, "bio": bio}})
		}
		addressOf := func(tweet string) string {
			t.Helper()
			url := r.Anonymous().Must(t, `query($id: ID!) { tweet(id: $id) { url } }`, apitest.Vars{"id": tweet}).String("tweet.url")
			return strings.TrimPrefix(url, r.Config.PublicURL)
		}
		short := bob.Tweet(t, "gone soon")
		hers, his := addressOf(ada.Tweet(t, "good \"morning\"\n<b>")), addressOf(short)

		rename("Ada <i>", "Tea & walks")
		expectPage(t, r, "/@"+strings.ToUpper(ada.Name), "Ada <i> (@"+ada.Name+")")
		expectPage(t, r, hers, `Ada <i>: "good "morning" <b>"`)
		expectPage(t, r, his, bob.Name+`: "gone soon"`)
		expectPage(t, r, "/@nobody_here", notFound)
		expectPage(t, r, "/tweets/"+ada.ID, notFound)
		expectPage(t, r, "/tweets/other", notFound)
		_, _, body := headedPageOf(t, r, "/@"+ada.Name+"/replies")
		for _, part := range []string{
			`content="Tea &amp; walks"`, `<link rel="canonical" href="` + r.Config.PublicURL + "/@" + ada.Name + `/replies" />`,
			`<meta property="profile:username" content="` + ada.Name + `" />`,
		} {
			if !strings.Contains(body, part) {
				t.Errorf("the page has no %s: %s", part, body)
			}
		}
		rename("Ada L.", "")
		expectPage(t, r, "/@"+ada.Name, "Ada L. (@"+ada.Name+")")

		bob.Delete(t, short)
		expectPage(t, r, his, notFound)
		r = operates(t, r, func(o app.Operator) error {
			if _, err := o.Accounts.Suspend(t.Context(), ada.Name); err != nil {
				return err
			}
			return o.WaitForNodes(t.Context())
		})
		expectPage(t, r, "/@"+ada.Name, notFound)
		expectPage(t, r, "/@"+ada.Name+"/followers", notFound)
		expectPage(t, r, hers, notFound)
		expectPage(t, r, "/@"+bob.Name, bob.Name+" (@"+bob.Name+")")
	})
}

// A store that does not answer costs a page its head, not the page.
func TestPagesWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Server)
	ada := r.SignUp(t, "ada")
	expectPage(t, r, "/@"+ada.Name, ada.Name+" (@"+ada.Name+")")
	tx, err := r.DB(t).Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "LOCK TABLE username_claims, users, tweets IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	if status, title, _ := pageOf(t, r, "/@never_asked_for"); status != http.StatusOK || title != general {
		t.Errorf("while the tables are locked: %d %q", status, title)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	expectPage(t, r, "/@never_asked_for", notFound)
}
