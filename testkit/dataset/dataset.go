// Package dataset finds the social graph that imports, tests and benchmarks run on, or
// makes one up if there is none.
//
// A data set is a directory with users.tsv, follows.tsv, tweets.jsonl and
// likes.tsv, each plain or with .gz appended:
//
//	users.tsv     id username name                      header line, tab-separated
//	follows.tsv   follower_id followee_id               header line
//	tweets.jsonl  {"id","author_id","created_at","text"}  oldest first
//	likes.tsv     user_id tweet_id created_at           header line
//
// Ids of users and tweets each count from 1. Times are RFC 3339 in UTC, texts are valid
// UTF-8 of at most 280 characters, and lines end with \n.
package dataset

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Env names the variable that points to the data set.
const Env = "ROOST_DATASET"

// besideCheckout is where the data is, relative to the repository's root.
var besideCheckout = filepath.Join("..", "shared", "data", "epinions-hn")

// TB is what this package needs of a testing.TB; it is spelled out so that
// programs that only generate do not link package testing.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Dir returns the data set on which tests run: the data set that Find finds, or else a
// made-up data set of the same size. It logs the use of a made-up one. Several processes
// share the made-up data set, which stays in the system's temporary directory.
func Dir(t TB) string {
	t.Helper()
	dir, ok, err := Find()
	if err != nil {
		t.Fatalf("%v", err)
	}
	if ok {
		return dir
	}
	dir, err = standIn()
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Logf("dataset: none at %s nor in %s; runs on a generated one: %s", besideCheckout, Env, dir)
	return dir
}

// IsReal reports whether Dir is a found data set, not a made-up one.
func IsReal() bool {
	_, ok, err := Find()
	return ok && err == nil
}

// Find looks in ROOST_DATASET, then beside the checkout that the working
// directory is in. It is an error when ROOST_DATASET is set and holds no users.
func Find() (dir string, ok bool, err error) {
	if dir := os.Getenv(Env); dir != "" {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return "", false, fmt.Errorf("dataset: %s: %w", Env, err)
		}
		if !holdsUsers(dir) {
			return "", false, fmt.Errorf("dataset: %s=%s holds no users.tsv or users.tsv.gz", Env, dir)
		}
		return dir, true, nil
	}
	root, err := repositoryRoot()
	if err != nil {
		return "", false, nil // run outside a checkout
	}
	dir = filepath.Join(root, besideCheckout)
	return dir, holdsUsers(dir), nil
}

func holdsUsers(dir string) bool {
	in, err := Open(dir, "users.tsv")
	if err != nil {
		return false
	}
	return in.Close() == nil
}

// repositoryRoot is the nearest directory upwards that holds a go.mod.
func repositoryRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("dataset: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("dataset: not in a checkout")
		}
		dir = parent
	}
}

// The size of the made-up data set. soc-Epinions1 with a year of Hacker News
// submissions has the same size.
const (
	standInUsers   = 75_879
	standInFollows = 508_837
	standInTweets  = 36_007
	standInLikes   = 1_818_907
	standInSeed    = 1
	standInName    = "roost-dataset-v1" // a change of the generator counts up
)

// standIn generates the made-up data set unless an earlier process did. The directory
// gets its name last, so a half-written data set is never used.
var standIn = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("%s-%d", standInName, os.Getuid()))
	if holdsUsers(dir) {
		return dir, nil
	}
	draft, err := os.MkdirTemp(os.TempDir(), standInName+"-draft-")
	if err != nil {
		return "", fmt.Errorf("dataset: %w", err)
	}
	defer func() { _ = os.RemoveAll(draft) }()
	if err := Generate(draft, standInSeed, standInUsers, standInFollows, standInTweets, standInLikes); err != nil {
		return "", err
	}
	if err := os.Rename(draft, dir); err != nil && !holdsUsers(dir) {
		return "", fmt.Errorf("dataset: %w", err)
	}
	return dir, nil
})

// Open reads one file of a data set, plain if there is one, else unzipping NAME.gz.
// The error is fs.ErrNotExist when neither exists.
func Open(dir, name string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err == nil {
		return f, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	f, err = os.Open(filepath.Join(dir, name+".gz"))
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dataset: %s.gz: %w", name, err), f.Close())
	}
	return &unzipped{Reader: z, file: f}, nil
}

type unzipped struct {
	*gzip.Reader
	file *os.File
}

func (u *unzipped) Close() error { return errors.Join(u.Reader.Close(), u.file.Close()) }
