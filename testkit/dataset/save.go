package dataset

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func (w *world) save(dir, suffix string) error {
	for _, f := range []struct {
		name string
		rows func(io.Writer) error
	}{
		// Users come last: a directory that holds them is complete.
		{"follows.tsv", w.saveFollows},
		{"tweets.jsonl", w.saveTweets},
		{"likes.tsv", w.saveLikes},
		{"users.tsv", w.saveUsers},
	} {
		if err := saveFile(filepath.Join(dir, f.name+suffix), f.rows); err != nil {
			return fmt.Errorf("dataset: write %s: %w", f.name, err)
		}
	}
	return nil
}

// saveFile compresses when the path ends in .gz.
func saveFile(path string, rows func(io.Writer) error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := io.Writer(f)
	if strings.HasSuffix(path, ".gz") {
		z, zerr := gzip.NewWriterLevel(f, gzip.BestSpeed)
		if zerr != nil {
			return zerr
		}
		defer func() { err = errors.Join(err, z.Close()) }()
		out = z
	}
	buf := bufio.NewWriterSize(out, 64<<10)
	return errors.Join(rows(buf), buf.Flush())
}

func (w *world) saveUsers(out io.Writer) error {
	_, err := fmt.Fprintln(out, "id\tusername\tname")
	for i := 1; i <= w.users && err == nil; i++ {
		_, err = fmt.Fprintf(out, "%d\tu%06d\tUser %d\n", i, i, i)
	}
	return err
}

func (w *world) saveFollows(out io.Writer) error {
	_, err := fmt.Fprintln(out, "follower_id\tfollowee_id")
	for follower, followees := range w.followees {
		for _, followee := range followees {
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "%d\t%d\n", follower+1, followee+1)
		}
	}
	return err
}

func (w *world) saveTweets(out io.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for i, t := range w.tweets {
		err := enc.Encode(struct {
			ID        int    `json:"id"`
			AuthorID  int    `json:"author_id"`
			CreatedAt string `json:"created_at"`
			Text      string `json:"text"`
		}{i + 1, t.author + 1, t.at.Format(time.RFC3339), t.text})
		if err != nil {
			return err
		}
	}
	return nil
}

// saveLikes makes up the times: within ten hours after the tweet, in no order, as
// in the real data.
func (w *world) saveLikes(out io.Writer) error {
	_, err := fmt.Fprintln(out, "user_id\ttweet_id\tcreated_at")
	for i, users := range w.likes {
		for _, user := range users {
			if err != nil {
				return err
			}
			at := w.tweets[i].at.Add(time.Duration(w.rnd.IntN(10*60*60)) * time.Second)
			_, err = fmt.Fprintf(out, "%d\t%d\t%s\n", user+1, i+1, at.Format(time.RFC3339))
		}
	}
	return err
}
