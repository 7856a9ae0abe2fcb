package dataset_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"roost/testkit/dataset"
)

func lines(t *testing.T, dir, name string) []string {
	t.Helper()
	in, err := dataset.Open(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	var out []string
	scan := bufio.NewScanner(in)
	for scan.Scan() {
		out = append(out, scan.Text())
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// pair splits a row that starts with two numbers.
func pair(line string) (nums [2]int, rest string, err error) {
	a, b, _ := strings.Cut(line, "\t")
	b, rest, _ = strings.Cut(b, "\t")
	x, err1 := strconv.Atoi(a)
	y, err2 := strconv.Atoi(b)
	return [2]int{x, y}, rest, errors.Join(err1, err2)
}

type post struct {
	ID        int       `json:"id"`
	AuthorID  int       `json:"author_id"`
	CreatedAt time.Time `json:"created_at"`
	Text      string    `json:"text"`
}

// check reads a whole data set against the format and returns its sizes and the
// largest number of followers.
func check(t *testing.T, dir string) (sizes [4]int, top int) {
	t.Helper()
	users := lines(t, dir, "users.tsv")
	if users[0] != "id\tusername\tname" {
		t.Errorf("users.tsv: header %q", users[0])
	}
	for i, line := range users[1:] {
		if f := strings.Split(line, "\t"); len(f) != 3 || f[0] != fmt.Sprint(i+1) {
			t.Fatalf("users.tsv:%d: %q", i+2, line)
		}
	}
	n := len(users) - 1

	follows := lines(t, dir, "follows.tsv")
	seen := map[[2]int]bool{}
	followers := make([]int, n+1)
	for i, line := range follows[1:] {
		e, _, err := pair(line)
		if err != nil || min(e[0], e[1]) < 1 || max(e[0], e[1]) > n || e[0] == e[1] || seen[e] {
			t.Fatalf("follows.tsv:%d: %q (%v)", i+2, line, err)
		}
		seen[e] = true
		followers[e[1]]++
	}

	tweets := lines(t, dir, "tweets.jsonl")
	var last time.Time
	for i, line := range tweets {
		var p post
		if err := json.Unmarshal([]byte(line), &p); err != nil || p.ID != i+1 || p.AuthorID < 1 || p.AuthorID > n || p.CreatedAt.Before(last) {
			t.Fatalf("tweets.jsonl:%d: %q (%v)", i+1, line, err)
		}
		if c := utf8.RuneCountInString(p.Text); c == 0 || c > 280 || !utf8.ValidString(p.Text) {
			t.Fatalf("tweets.jsonl:%d: text of %d characters", i+1, c)
		}
		last = p.CreatedAt
	}

	likes := lines(t, dir, "likes.tsv")
	clear(seen)
	for i, line := range likes[1:] {
		e, at, err := pair(line)
		if err == nil {
			_, err = time.Parse(time.RFC3339, at)
		}
		if err != nil || min(e[0], e[1]) < 1 || e[0] > n || e[1] > len(tweets) || seen[e] {
			t.Fatalf("likes.tsv:%d: %q (%v)", i+2, line, err)
		}
		seen[e] = true
	}
	return [4]int{n, len(follows) - 1, len(tweets), len(likes) - 1}, slices.Max(followers)
}

func TestGeneratedIsWellFormed(t *testing.T) {
	t.Parallel()
	for _, want := range [][4]int{{0, 0, 0, 0}, {1, 0, 3, 0}, {3, 1, 4, 3}, {20, 95, 30, 150}, {2000, 12000, 900, 30000}} {
		t.Run(fmt.Sprint(want), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := dataset.Generate(dir, 7, want[0], want[1], want[2], want[3]); err != nil {
				t.Fatal(err)
			}
			got, top := check(t, dir)
			if got != want {
				t.Errorf("sizes %v, want %v", got, want)
			}
			// A power law: the most followed has many times the mean.
			if mean := want[1] / max(1, want[0]); want[0] >= 2000 && top < 10*mean {
				t.Errorf("most followed by %d, mean %d", top, mean)
			}
		})
	}
}

func TestSameSeedSameRows(t *testing.T) {
	t.Parallel()
	read := func(seed uint64, gen func(string, uint64, int, int, int, int) error) []byte {
		dir := t.TempDir()
		if err := gen(dir, seed, 50, 200, 40, 90); err != nil {
			t.Fatal(err)
		}
		var all bytes.Buffer
		for _, name := range []string{"users.tsv", "follows.tsv", "tweets.jsonl", "likes.tsv"} {
			in, err := dataset.Open(dir, name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(&all, in); err != nil {
				t.Fatal(err)
			}
			if err := in.Close(); err != nil {
				t.Error(err)
			}
		}
		return all.Bytes()
	}
	one := read(1, dataset.Generate)
	if !bytes.Equal(one, read(1, dataset.GeneratePlain)) {
		t.Error("the same seed gives other rows")
	}
	if bytes.Equal(one, read(2, dataset.Generate)) {
		t.Error("another seed gives the same rows")
	}
}

func TestImpossibleSizesAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range [][4]int{{-1, 0, 0, 0}, {3, 2, 0, 0}, {0, 0, 1, 0}, {4, 0, 4, 5}} {
		if err := dataset.Generate(t.TempDir(), 1, s[0], s[1], s[2], s[3]); err == nil {
			t.Errorf("sizes %v are taken", s)
		}
	}
}

// fatal records what Dir says instead of failing the test.
type fatal struct {
	*testing.T
	said string
}

func (f *fatal) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	panic(f)
}

func TestDirOfTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(dataset.Env, dir)
	f := &fatal{T: t}
	func() {
		defer func() { _ = recover() }()
		dataset.Dir(f)
	}()
	if !strings.Contains(f.said, dataset.Env) {
		t.Errorf("an empty directory: %q", f.said)
	}
	if err := os.WriteFile(filepath.Join(dir, "users.tsv"), []byte("id\tusername\tname\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := dataset.Dir(t); got != dir || !dataset.IsReal() {
		t.Errorf("Dir = %s, want %s", got, dir)
	}
}

// TestWholeDataset checks what the other tests of this repository run on.
func TestWholeDataset(t *testing.T) {
	dir := dataset.Dir(t)
	sizes, top := check(t, dir)
	t.Logf("%s: users, follows, tweets, likes %v; most followed by %d", dir, sizes, top)
	if dataset.IsReal() {
		return
	}
	if want := [4]int{75_879, 508_837, 36_007, 1_818_907}; sizes != want {
		t.Errorf("sizes %v, want %v", sizes, want)
	}
}
