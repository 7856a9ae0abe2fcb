package ops

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"time"

	"github.com/klauspost/compress/zstd"

	"roost/bench/load"
)

// Server is a target of the checks.
type Server struct {
	Name, Addr string
	DB         *sql.DB
}

// Check fails unless both servers return the answers that SQL returns. It checks every read that the runs will send. Then it checks
// some writes, one after another, with the rows that they leave. Reads come first because writes make the baseline's reads stale.
func Check(ctx context.Context, w *World, all []Operation, roost, baseline Server) error {
	for _, op := range all {
		if op.Writes {
			continue
		}
		if err := checkReads(ctx, op, roost, baseline); err != nil {
			return fmt.Errorf("check %s: %w", op.Name, err)
		}
	}
	for _, op := range all {
		if !op.Writes {
			continue
		}
		if err := w.checkWrites(ctx, op, roost, baseline); err != nil {
			return fmt.Errorf("check %s: %w", op.Name, err)
		}
	}
	return nil
}

func checkReads(ctx context.Context, op Operation, roost, baseline Server) error {
	for i, a := range op.asks {
		want, err := a.want(ctx, roost.DB)
		if err != nil {
			return err
		}
		got, roostErr := compare(ctx, roost, a.roost, want)
		other, baselineErr := compare(ctx, baseline, a.baseline, want)
		err = errors.Join(roostErr, baselineErr)
		if err == nil && op.Identical && !bytes.Equal(got, other) {
			err = fmt.Errorf("roost answers %q and the baseline %q", got, other)
		}
		if err != nil {
			return fmt.Errorf("%d of %d: %w", i+1, len(op.asks), err)
		}
	}
	return nil
}

// writes is how many writes are checked.
const writes = 20

func (w *World) checkWrites(ctx context.Context, op Operation, roost, baseline Server) error {
	r := dice(-1)
	for range writes {
		s := w.randomReaction(r)
		if op.Name == "viral" {
			s.Tweet = w.Viral
		}
		var wants [2]any
		for i, server := range []Server{roost, baseline} {
			request := s.roost(nil)
			if server.Name == baseline.Name {
				request = s.baseline(nil)
			}
			before, err := wantReaction(ctx, server.DB, s)
			if err != nil {
				return err
			}
			body, err := fetch(ctx, server, request)
			if err != nil {
				return err
			}
			if wants[i], err = wantReaction(ctx, server.DB, s); err != nil {
				return err
			}
			if err := moved(before, wants[i], s); err != nil {
				return fmt.Errorf("%s: %w", server.Name, err)
			}
			if err := same(body, wants[i]); err != nil {
				return fmt.Errorf("%s: %w", server.Name, err)
			}
		}
		if !reflect.DeepEqual(wants[0], wants[1]) {
			return fmt.Errorf("the same reaction leaves %v with roost and %v with the baseline", wants[0], wants[1])
		}
	}
	return nil
}

// moved fails unless the rows have changed by exactly this reaction.
func moved(before, after any, s Reaction) error {
	of := func(v any) object {
		return v.(object)["setReaction"].(object)["subject"].(object)["reactions"].(object)
	}
	b, a := of(before), of(after)
	want := object{"viewerReaction": s.Kind, "likeCount": b["likeCount"], "dislikeCount": b["dislikeCount"], "revision": b["revision"]}
	if b["viewerReaction"] != s.Kind {
		name := map[string]string{"LIKE": "likeCount", "DISLIKE": "dislikeCount"}
		if n := name[b["viewerReaction"].(string)]; n != "" {
			want[n] = want[n].(int64) - 1
		}
		if n := name[s.Kind]; n != "" {
			want[n] = want[n].(int64) + 1
		}
		want["revision"] = want["revision"].(int64) + 1
	}
	if !reflect.DeepEqual(a, want) {
		return fmt.Errorf("%s on %v leaves %v, want %v", s.Kind, b, a, want)
	}
	return nil
}

// compare sends a request, and fails unless the answer holds what is wanted. It returns the answer.
func compare(ctx context.Context, s Server, request []byte, want any) ([]byte, error) {
	body, err := fetch(ctx, s, request)
	if err != nil {
		return nil, err
	}
	if err := same(body, want); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return body, nil
}

// fetch sends one request, on a connection of its own, and returns the decoded body.
func fetch(ctx context.Context, s Server, request []byte) ([]byte, error) {
	c, err := load.Dial(ctx, s.Addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(load.Patience)); err != nil {
		return nil, err
	}
	status, body, err := c.Do(request)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %.300s", status, body)
	}
	if err == nil {
		body, err = decompress(body, c.Encoding())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return body, nil
}

// decompress returns what a body was before it was encoded.
func decompress(body []byte, encoding string) ([]byte, error) {
	var r io.Reader
	var err error
	switch encoding {
	case "":
		return body, nil
	case "gzip":
		r, err = gzip.NewReader(bytes.NewReader(body))
	case "zstd":
		r, err = zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1))
	default:
		return nil, errors.New("the answer has an encoding that was not accepted")
	}
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", encoding, err)
	}
	return io.ReadAll(r)
}

// same fails unless a body is JSON with the wanted data and nothing else.
func same(body []byte, want any) error {
	got, err := decode(body)
	if err != nil {
		return fmt.Errorf("%w: %.300s", err, body)
	}
	raw, err := json.Marshal(object{"data": want})
	if err != nil {
		return err
	}
	expected, err := decode(raw)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(got, expected) {
		return fmt.Errorf("the answer is\n%s\nSQL has\n%s", body, raw)
	}
	return nil
}

func decode(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return v, d.Decode(&v)
}

// CheckCounts fails if the counts of any tweet in SQL differ from its reactions, as after a lost update.
func CheckCounts(ctx context.Context, s Server) error {
	var wrong int64
	if err := s.DB.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT tweet_id, count(*) FILTER (WHERE kind = 1) AS likes,
		count(*) FILTER (WHERE kind = 2) AS dislikes FROM reactions GROUP BY 1) AS r FULL JOIN `+tweetCounts+` AS s USING (tweet_id)
		WHERE coalesce(s.like_count, 0) <> coalesce(r.likes, 0) OR coalesce(s.dislike_count, 0) <> coalesce(r.dislikes, 0)`,
	).Scan(&wrong); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%s: the counts of %d tweets are not those of their reactions", s.Name, wrong)
	}
	return nil
}
