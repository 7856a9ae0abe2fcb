package importstest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	following "roost/domain/follows"
	"roost/domain/imports"
)

func badLines(t *testing.T, s *Store, chunk int) {
	tweet := func(id int, rest string) string { return fmt.Sprintf(`{"id":%d,"author_id":1,%s}`, id, rest) }
	at := `"created_at":"2016-01-01T00:00:00Z",`
	files := map[string][]string{
		"users.tsv": {"id\tusername\tname", "1\tann\tAnn", "2\tbob\tBob",
			"3\tcy",
			"x\tcy\tCy",
			"0\tcy\tCy",
			"99999999999999999999\tcy\tCy",
			"3\tcy!\tCy",
			"3\t\tCy",
			"3\t" + strings.Repeat("c", 31) + "\tCy",
			"3\tcy\t ",
			"3\tcy\t" + strings.Repeat("ä", 51),
			"3\tcy\tC\x01y",
			"3\tcy\tC\xffy",
			"3\tANN\tAnother Ann",
			"1\tdot\tDot",
			"4\ttaken\tTaken",
			"5\tmailed\tMailed",
			"",
			strings.Repeat("z", 65536+1),
			"6\tgivenup\t" + strings.Repeat("ä", 50) + "\r",
		},
		"follows.tsv": {"follower_id\tfollowee_id", "1\t2",
			"1",
			"1\t2\t3",
			"1\t-2",
			"7\t1",
			"1\t4",
			"2\t2",
			"6\t1"},
		"tweets.jsonl": {tweet(1, at+`"text":"good"`),
			`{"id":2`,
			`[]`,
			tweet(0, at+`"text":"a"`),
			tweet(2, at+`"text":null`),
			`{"id":2,"author_id":77,` + at + `"text":"a"}`,
			tweet(2, `"created_at":"yesterday","text":"a"`),
			tweet(2, `"created_at":"2005-12-31T23:59:59Z","text":"a"`),
			tweet(2, `"created_at":"2999-01-01T00:00:00Z","text":"a"`),
			tweet(2, at+`"text":" \n"`),
			tweet(2, at+`"text":"`+strings.Repeat("ä", 281)+`"`),
			tweet(2, at+`"text":"a\u0000b"`),
			tweet(2, at+`"text":"a`+"\xff"+`b"`),
			tweet(2, at+`"text":"a\ud800b"`),
			tweet(2, at+`"text":"a\udc00\ud800b"`),
			tweet(2, at+`"text":"\\ud800 \ud83d\ude00 `+strings.Repeat("ä", 270)+`"`),
			`{"id":"3"}`},
		"likes.tsv": {"user_id\ttweet_id\tcreated_at", "1\t1\t2016-01-01T00:00:00+02:00",
			"1\t1",
			"1\t5\t2016-01-01T00:00:00Z",
			"5\t1\t2016-01-01T00:00:00Z",
			"2\t1\t2016-01-01"},
	}
	want := []string{
		"users.tsv:4: 2 columns instead of 3",
		`users.tsv:5: id "x" is not a positive integer`,
		`users.tsv:6: id "0" is not a positive integer`,
		`users.tsv:7: id "99999999999999999999" is not a positive integer`,
		`users.tsv:8: username "cy!" is not 1 to 30 letters, digits or underscores`,
		`users.tsv:9: username "" is not 1 to 30 letters, digits or underscores`,
		`users.tsv:10: username "ccccccccccccccccccccccccccccccc" is not 1 to 30 letters, digits or underscores`,
		"users.tsv:11: the name is blank",
		"users.tsv:12: the name is longer than 50 characters",
		"users.tsv:13: the name has control characters",
		"users.tsv:14: the name is not valid UTF-8",
		"users.tsv:15: username ANN is that of line 2",
		"users.tsv:16: id 1 is user ann in line 2",
		"users.tsv:17: username taken belongs to another account",
		"users.tsv:18: email address mailed@import.invalid belongs to another account",
		"users.tsv:19: 1 columns instead of 3",
		"users.tsv:20: longer than 65536 bytes",
		"follows.tsv:3: 1 columns instead of 2",
		"follows.tsv:4: 3 columns instead of 2",
		`follows.tsv:5: followee_id "-2" is not a positive integer`,
		"follows.tsv:6: follower_id 7 is not a user of this source",
		"follows.tsv:7: followee_id 4 is not a user of this source",
		"follows.tsv:8: user 2 follows itself",
		"tweets.jsonl:2: not a JSON object of a tweet: unexpected end of JSON input",
		`tweets.jsonl:3: not a JSON object of a tweet: it is of type array`,
		"tweets.jsonl:4: id 0 is not positive",
		"tweets.jsonl:5: id, author_id, created_at and text are needed",
		"tweets.jsonl:6: author_id 77 is not a user of this source",
		`tweets.jsonl:7: created_at "yesterday" is not a time like 2016-01-31T12:00:00Z`,
		`tweets.jsonl:8: created_at "2005-12-31T23:59:59Z" is before 2006-01-01`,
		`tweets.jsonl:9: created_at "2999-01-01T00:00:00Z" is in the future`,
		"tweets.jsonl:10: the text is blank",
		"tweets.jsonl:11: the text is longer than 280 characters",
		"tweets.jsonl:12: the text has a NUL character",
		"tweets.jsonl:13: not valid UTF-8",
		"tweets.jsonl:14: half of a surrogate pair",
		"tweets.jsonl:15: half of a surrogate pair",
		`tweets.jsonl:17: not a JSON object of a tweet: id is of type string`,
		"likes.tsv:3: 2 columns instead of 3",
		"likes.tsv:4: tweet_id 5 is not a tweet of this source",
		"likes.tsv:5: user_id 5 is not a user of this source",
		`likes.tsv:6: created_at "2016-01-01" is not a time like 2016-01-31T12:00:00Z`,
	}
	plain := map[string]string{}
	for name, all := range files {
		plain[name] = strings.Join(all, "\n") + "\n"
	}
	s.Exec(t, "INSERT INTO username_claims (name, user_id) VALUES ('taken', 5), ('givenup', 0)")
	s.Exec(t, "INSERT INTO email_claims (email, user_id) VALUES ('mailed@import.invalid', 5)")
	o := s.Options(Files(t, plain))
	o.ChunkLines = chunk
	r := s.Run(t, o)
	var got []string
	for _, b := range r.Bad {
		got = append(got, b.Error())
	}
	expect := slices.Clone(want)
	if chunk == 3 {
		// The first chunk has mapped ann.
		expect[12] = "users.tsv:16: id 1 was imported before, and is user ann"
		expect[11] = "users.tsv:15: username ann belongs to another account"
	}
	if !slices.Equal(got, expect) {
		for i := range max(len(got), len(expect)) {
			if i >= len(got) || i >= len(expect) || got[i] != expect[i] {
				t.Fatalf("chunks of %d, bad line %d:\n got %q\nwant %q", chunk, i, got[i:min(i+2, len(got))],
					expect[i:min(i+2, len(expect))])
			}
		}
	}
	if r.BadTotal != int64(len(expect)) {
		t.Errorf("%d bad lines in all", r.BadTotal)
	}
	for i, inserted := range []int64{3, 2, 2, 1} {
		if f := r.Files[i]; f.Inserted != inserted || f.Existing != 0 || f.Lines != f.Bad+inserted {
			t.Errorf("%+v, want %d inserted", f, inserted)
		}
	}
	if n := s.Number(t, "SELECT version FROM username_claims WHERE name = 'givenup'"); n != 2 {
		t.Errorf("the claim has version %d", n)
	}
}

func stopAtABadLine(t *testing.T, s *Store) {
	files := map[string]string{
		"users.tsv":   "id\tusername\tname\n1\tann\tAnn\n2\tbob\tBob\n3\tcy\tCy\n",
		"follows.tsv": "follower_id\tfollowee_id\n1\t2\n2\t1\n1\t3\n3\t1\n1\t9\n2\t3\n"}
	o := s.Options(Files(t, files))
	o.OnBad, o.ChunkLines = imports.Stop, 2
	_, err := imports.Run(t.Context(), o)
	if b, ok := errors.AsType[imports.BadLine](err); !ok || b.Line != 6 {
		t.Fatalf("err %v", err)
	}
	s.Consistent(t)
	if n := s.Number(t, "SELECT count(*) FROM follows"); n != 4 {
		t.Errorf("%d follows, want those of the chunks before", n)
	}
	files["follows.tsv"] = strings.Replace(files["follows.tsv"], "9", "2", 1)
	o.Dir = Files(t, files)
	r := s.Run(t, o)
	if f := r.Files[1]; f.Inserted != 1 || f.Existing != 5 {
		t.Errorf("%+v", f)
	}
	s.Consistent(t)
	// A line that turns out bad while writing stops too.
	s.Exec(t, "INSERT INTO username_claims (name, user_id) VALUES ('dot', 5)")
	files["users.tsv"] += "4\tdot\tDot\n"
	o.Dir = Files(t, files)
	if _, err := imports.Run(t.Context(), o); err == nil || err.Error() != "users.tsv:5: username dot belongs to another account" {
		t.Errorf("err %v", err)
	}
}

func reportKeepsTheFirstBadLines(t *testing.T, s *Store) {
	o := s.Options(Files(t, map[string]string{"users.tsv": "id\tusername\tname\n" + strings.Repeat("bad\n", 1234)}))
	o.ChunkLines = 1000
	r := s.Run(t, o)
	if len(r.Bad) != 100 || r.BadTotal != 1234 || r.Files[0].Bad != 1234 || r.Bad[99].Line != 101 {
		t.Errorf("%d kept of %d: %v", len(r.Bad), r.BadTotal, r.Bad[len(r.Bad)-1])
	}
}

func renamedAccountsStayKnown(t *testing.T, s *Store) {
	users := "id\tusername\tname\n1\tann\tAnn\n2\tbob\tBob\n"
	s.Run(t, s.Options(Files(t, map[string]string{"users.tsv": users})))
	s.Exec(t, "UPDATE users SET username = 'anna' WHERE username = 'ann'")
	s.Exec(t, "UPDATE users SET email = 'bob@example.org' WHERE username = 'bob'")
	r := s.Run(t, s.Options(Files(t, map[string]string{"users.tsv": users + "1\tzoe\tZoe\n"})))
	if r.BadTotal != 1 || r.Bad[0].Error() != "users.tsv:4: id 1 was imported before, and is user anna" {
		t.Errorf("%v", r.Bad)
	}
}

// Nobody follows more than the API would allow: what is beyond is bad, in the order of the file, and what
// was there already does not count twice.
func followsBeyondTheLimit(t *testing.T, s *Store) {
	const over = 3
	users, follows := "id\tusername\tname\n1\tann\tAnn\n", "follower_id\tfollowee_id\n"
	for i := range following.MaxFollowing + over {
		users += fmt.Sprintf("%d\tu%d\tU\n", i+2, i+2)
		follows += fmt.Sprintf("1\t%d\n", following.MaxFollowing+over+1-i)
	}
	o := s.Options(Files(t, map[string]string{"users.tsv": users, "follows.tsv": follows}))
	o.ChunkLines = 900 // the last chunk has lines on both sides of the limit
	check := func(r imports.Report, inserted int64, want ...string) {
		t.Helper()
		var got []string
		for _, b := range r.Bad {
			got = append(got, b.Error())
		}
		if f := r.Files[1]; !slices.Equal(got, want) || f.Inserted != inserted {
			t.Errorf("%d inserted, bad are %q, want %d, %q", f.Inserted, got, inserted, want)
		}
		s.Consistent(t)
	}
	const why = "the follower follows 5000 others already, which is the limit"
	check(s.Run(t, o), following.MaxFollowing, "follows.tsv:5002: "+why, "follows.tsv:5003: "+why, "follows.tsv:5004: "+why)
	o.Dir = Files(t, map[string]string{"users.tsv": users, "follows.tsv": "follower_id\tfollowee_id\n1\t5004\n1\t2\n2\t1\n"})
	check(s.Run(t, o), 1, "follows.tsv:3: "+why)
}
