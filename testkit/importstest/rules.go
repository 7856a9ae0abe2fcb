package importstest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/domain/imports"
	"roost/internal/ids"
	"roost/testkit/dataset"
)

// Small writes a small made-up data set into a directory, and returns the directory.
func Small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := dataset.Generate(dir, 7, 80, 400, 90, 700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// lines are those of a file of a data set, without the header.
func lines(t *testing.T, dir, name string) []string {
	t.Helper()
	f, err := dataset.Open(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	all := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if strings.HasSuffix(name, ".tsv") {
		return all[1:]
	}
	return all
}

func importHoldsEveryLine(t *testing.T, s *Store) {
	dir := Small(t)
	r := s.Run(t, s.Options(dir))
	s.Consistent(t)
	for i, f := range []struct{ file, table string }{
		{"users.tsv", "users"}, {"follows.tsv", "follows"}, {"tweets.jsonl", "tweets"}, {"likes.tsv", "reactions"}} {
		want := int64(len(lines(t, dir, f.file)))
		if n := s.Number(t, "SELECT count(*) FROM "+f.table); n != want {
			t.Errorf("%d rows in %s, %s has %d lines", n, f.table, f.file, want)
		}
		if got := r.Files[i]; got.Inserted != want || got.Lines != want || got.Existing+got.Bad != 0 {
			t.Errorf("report %+v", got)
		}
	}
	got := s.Content(t)
	for i, line := range lines(t, dir, "follows.tsv") {
		a, b, _ := strings.Cut(line, "\t")
		if want := fmt.Sprintf("default%s default%s 1 1", a, b); got["follows"][i] != want {
			t.Fatalf("follow %d by sort key is %q, want %q", i, got["follows"][i], want)
		}
	}
	// The account is as old as its first tweet.
	wrong := s.Number(t, `SELECT count(*) FROM users AS u WHERE
		EXISTS (SELECT 1 FROM tweets WHERE author_id = u.id) AND
		created_at <> (SELECT min(created_at) FROM tweets WHERE author_id = u.id)`)
	if wrong != 0 {
		t.Errorf("%d accounts are not as old as their first tweet", wrong)
	}
}

func secondImportChangesNothing(t *testing.T, s *Store) {
	dir := Small(t)
	s.Run(t, s.Options(dir))
	want, events := s.Content(t), s.Number(t, "SELECT count(*) FROM events")
	for _, reread := range []bool{false, true} {
		o := s.Options(dir)
		o.Reread = reread
		r := s.Run(t, o)
		for _, f := range r.Files {
			if f.Skipped == reread || f.Inserted != 0 || f.Existing != f.Lines || (f.Lines == 0) != f.Skipped {
				t.Errorf("reread %v: %+v", reread, f)
			}
		}
	}
	Equal(t, s.Content(t), want)
	if n := s.Number(t, "SELECT count(*) FROM events"); n != events {
		t.Errorf("%d events became %d", events, n)
	}
}

func gzipAndPlainAreTheSame(t *testing.T, s *Store) {
	zipped, plain := Small(t), map[string]string{}
	for name, header := range map[string]string{"users.tsv": "id\tusername\tname\n", "tweets.jsonl": "",
		"follows.tsv": "follower_id\tfollowee_id\n", "likes.tsv": "user_id\ttweet_id\tcreated_at\n"} {
		plain[name] = header + strings.Join(lines(t, zipped, name), "\n")
	}
	s.Run(t, s.Options(Files(t, plain)))
	want := s.Content(t)
	r := s.Run(t, s.Options(zipped))
	for _, f := range r.Files {
		if f.Inserted != 0 || f.Existing == 0 {
			t.Errorf("%+v", f)
		}
	}
	Equal(t, s.Content(t), want)
	s.Consistent(t)
}

func grownFileAddsOnlyWhatIsNew(t *testing.T, s *Store) {
	files := map[string]string{
		"users.tsv":    "id\tusername\tname\n1\tann\tAnn\n2\tbob\tBob\n",
		"follows.tsv":  "follower_id\tfollowee_id\n1\t2\n1\t3\n",
		"tweets.jsonl": `{"id":1,"author_id":1,"created_at":"2016-01-01T00:00:00Z","text":"one"}` + "\n",
		"likes.tsv":    "user_id\ttweet_id\tcreated_at\n2\t1\t2016-01-01T00:00:01Z\n",
	}
	r := s.Run(t, s.Options(Files(t, files)))
	if r.BadTotal != 1 || r.Bad[0].Error() != "follows.tsv:3: followee_id 3 is not a user of this source" {
		t.Errorf("bad lines %v", r.Bad)
	}
	// Bob stops being followed and takes his like back; that must stay.
	s.Exec(t, "UPDATE follows SET active = false, version = version + 1")
	s.Exec(t, "UPDATE user_stats SET following_count = 0, follower_count = 0, version = version + 1")
	s.Exec(t, "UPDATE reactions SET kind = 0, prev = 1, version = version + 1")
	s.Exec(t, "UPDATE tweet_stats SET like_count = 0, revision = revision + 1")
	// With the third user the follows' second line is good, though follows.tsv is as before.
	files["users.tsv"] += "3\tcy\tCy\n"
	files["tweets.jsonl"] += `{"id":2,"author_id":3,"created_at":"2016-01-02T00:00:00Z","text":"two"}` + "\n"
	files["likes.tsv"] += "1\t2\t2016-01-02T00:00:01Z\n"
	r = s.Run(t, s.Options(Files(t, files)))
	if r.BadTotal != 0 {
		t.Errorf("bad lines %v", r.Bad)
	}
	for i, inserted := range []int64{1, 1, 1, 1} {
		if f := r.Files[i]; f.Inserted != inserted || f.Existing != f.Lines-inserted {
			t.Errorf("%+v", f)
		}
	}
	s.Consistent(t)
	got := s.Content(t)
	if want := []string{"default1 default2 0 2", "default1 default3 1 1"}; !slices.Equal(got["follows"], want) {
		t.Errorf("follows %q", got["follows"])
	}
	if want := []string{"default1 default2 0 1 2", "default2 default1 1 0 1"}; !slices.Equal(got["likes"], want) {
		t.Errorf("likes %q", got["likes"])
	}
}

func equalLinesCountOnce(t *testing.T, s *Store) {
	var follows, likes strings.Builder
	for range 5 { // within a chunk and across
		follows.WriteString("1\t2\n2\t1\n1\t2\n")
		likes.WriteString("1\t1\t2016-01-01T00:00:00Z\n2\t1\t2016-01-02T00:00:00Z\n1\t1\t2016-01-03T00:00:00Z\n")
	}
	tweet := `{"id":1,"author_id":1,"created_at":"2016-01-01T00:00:00Z","text":"one"}` + "\n"
	r := s.Run(t, s.Options(Files(t, map[string]string{
		"users.tsv":    "id\tusername\tname\n1\tann\tAnn\n2\tbob\tBob\n1\tann\tAnn\n",
		"follows.tsv":  "follower_id\tfollowee_id\n" + follows.String(),
		"tweets.jsonl": tweet + tweet,
		"likes.tsv":    "user_id\ttweet_id\tcreated_at\n" + likes.String(),
	})))
	for i, want := range [][2]int64{{2, 1}, {2, 13}, {1, 1}, {2, 13}} {
		if f := r.Files[i]; f.Inserted != want[0] || f.Existing != want[1] || f.Bad != 0 {
			t.Errorf("%+v, want %v", f, want)
		}
	}
	s.Consistent(t)
	// The first line counts.
	if n := s.Number(t, "SELECT count(*) FROM reactions WHERE reacted_at = $1", time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)); n != 1 {
		t.Errorf("%d likes have the time of the first line", n)
	}
}

func sourcesAreApart(t *testing.T, s *Store) {
	const at = "2016-01-01T00:00:00.123456789Z"
	var tweets strings.Builder
	for id := range 30 {
		fmt.Fprintf(&tweets, `{"id":%d,"author_id":1,"created_at":%q,"text":"no. %d"}`+"\n", id+1, at, id)
	}
	for _, source := range []string{"a", "b"} {
		o := s.Options(Files(t, map[string]string{
			"users.tsv": "id\tusername\tname\n1\tann_" + source + "\tAnn\n", "tweets.jsonl": tweets.String()}))
		o.Source = source
		s.Run(t, o)
	}
	s.Consistent(t)
	moment := time.Date(2016, 1, 1, 0, 0, 0, 123_456_000, time.UTC)
	if n := s.Number(t, "SELECT count(*) FROM tweets WHERE created_at = $1", moment); n != 60 {
		t.Fatalf("%d tweets, want 60", n)
	}
	// All carry their time, on the node of imports, in the order of the files.
	first := ids.Compose(ids.Millis(moment), ids.ImportNode, 0)
	if n := s.Number(t, "SELECT count(*) FROM tweets WHERE id BETWEEN $1 AND $2", first, first+59); n != 60 {
		t.Errorf("%d ids are as expected", n)
	}
	texts := s.List(t, "SELECT text FROM tweets ORDER BY id")
	for i, text := range texts {
		if want := fmt.Sprintf("no. %d", i%30); text != want {
			t.Errorf("tweet %d is %q, want %q", i, text, want)
		}
	}
}

func fullMillisecondSpills(t *testing.T, s *Store) {
	var tweets strings.Builder
	const perMilli, n = 4096, 4096 + 500
	for id := range n {
		fmt.Fprintf(&tweets, `{"id":%d,"author_id":1,"created_at":"2016-01-01T00:00:00Z","text":"x"}`+"\n", id+1)
	}
	o := s.Options(Files(t, map[string]string{"users.tsv": "id\tusername\tname\n1\tann\tAnn\n", "tweets.jsonl": tweets.String()}))
	o.ChunkLines = 1000
	s.Run(t, o)
	s.Consistent(t)
	last := ids.Compose(ids.Millis(time.Date(2016, 1, 1, 0, 0, 0, 1_000_000, time.UTC)), ids.ImportNode, n-perMilli-1)
	if got := s.Number(t, "SELECT max(id) FROM tweets"); got != last {
		t.Errorf("the last id is %d, want %d", got, last)
	}
}

func passwordReachesAccountsWithoutOne(t *testing.T, s *Store) {
	dir := Files(t, map[string]string{"users.tsv": "id\tusername\tname\n1\tann\tAnn\n2\tbob\tBob\n"})
	s.Run(t, s.Options(dir))
	s.Exec(t, "UPDATE users SET password_hash = 'own' WHERE username = 'bob'")
	o := s.Options(dir)
	o.PasswordHash = "given"
	for want := range []int64{1, 0} {
		if r := s.Run(t, o); r.Passwords != int64(1-want) {
			t.Errorf("%d accounts got the password", r.Passwords)
		}
	}
	if got := s.List(t, "SELECT username, password_hash, version FROM users ORDER BY username"); !slices.Equal(got,
		[]string{"ann given 2", "bob own 1"}) {
		t.Errorf("%q", got)
	}
	o = s.Options(Files(t, map[string]string{"users.tsv": "id\tusername\tname\n1\tcy\tCy\n"}))
	o.Source, o.PasswordHash = "other", "given"
	s.Run(t, o)
	if n := s.Number(t, "SELECT count(*) FROM users WHERE username = 'cy' AND password_hash = 'given' AND version = 1"); n != 1 {
		t.Error("the new account has no password")
	}
}

func progressEndsAtTheEnd(t *testing.T, s *Store) {
	var last imports.Progress
	calls := 0
	o := s.Options(Small(t))
	o.Progress = func(p imports.Progress) {
		if p.Bytes < last.Bytes || p.Bytes > p.Total || p.Left < 0 || p.Rate <= 0 && !p.Tidying || last.Tidying {
			t.Errorf("progress %+v after %+v", p, last)
		}
		last = p
		calls++
	}
	s.Run(t, o)
	if last.Bytes != last.Total || last.Left != 0 || calls < 100 || !last.Tidying {
		t.Errorf("%d calls, the last was %+v", calls, last)
	}
}
