package imports

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"roost/internal/ids"
)

// Limits of imported texts, in characters. They are the same as the API's.
const (
	maxUsername = 30
	maxName     = 50
	maxText     = 280
)

// clockSkew is how far ahead of this machine's clock a time may be.
const clockSkew = time.Minute

// columns splits a tab-separated line into exactly len(into) columns.
func columns(line []byte, into [][]byte) (bad string) {
	n := bytes.Count(line, []byte("\t")) + 1
	if n != len(into) {
		return fmt.Sprintf("%d columns instead of %d", n, len(into))
	}
	for i := range into {
		into[i], line, _ = bytes.Cut(line, []byte("\t"))
	}
	return ""
}

// externalID reads an id of a file: a positive 64-bit integer in decimal.
func externalID(b []byte, what string) (id int64, bad string) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, what + " " + quote(string(b)) + " is not a positive integer"
		}
	}
	id, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || id <= 0 {
		return 0, what + " " + quote(string(b)) + " is not a positive integer"
	}
	return id, ""
}

// timestamp reads an RFC 3339 time between the epoch of ids and now.
func timestamp(s string, now time.Time) (t time.Time, bad string) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, "created_at " + quote(s) + " is not a time like 2016-01-31T12:00:00Z"
	}
	t = t.UTC().Truncate(time.Microsecond)
	if t.Before(ids.Epoch) {
		return t, "created_at " + quote(s) + " is before " + ids.Epoch.Format(time.DateOnly)
	}
	if t.After(now.Add(clockSkew)) {
		return t, "created_at " + quote(s) + " is in the future"
	}
	return t, ""
}

func checkUsername(s []byte) (bad string) {
	ok := len(s) >= 1 && len(s) <= maxUsername
	for _, c := range s {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_')
	}
	if !ok {
		return fmt.Sprintf("username %s is not 1 to %d letters, digits or underscores", quote(string(s)), maxUsername)
	}
	return ""
}

func checkName(s string) (bad string) {
	switch {
	case !utf8.ValidString(s):
		return "the name is not valid UTF-8"
	case strings.TrimSpace(s) == "":
		return "the name is blank"
	case utf8.RuneCountInString(s) > maxName:
		return fmt.Sprintf("the name is longer than %d characters", maxName)
	case strings.ContainsFunc(s, unicode.IsControl):
		return "the name has control characters"
	}
	return ""
}

func checkText(s string) (bad string) {
	switch {
	case strings.TrimSpace(s) == "":
		return "the text is blank"
	case utf8.RuneCountInString(s) > maxText:
		return fmt.Sprintf("the text is longer than %d characters", maxText)
	case strings.ContainsRune(s, 0):
		return "the text has a NUL character"
	}
	return ""
}

// tweetLine is a line of tweets.jsonl.
type tweetLine struct {
	ID        *int64  `json:"id"`
	AuthorID  *int64  `json:"author_id"`
	CreatedAt *string `json:"created_at"`
	Text      *string `json:"text"`
}

func (t *tweetLine) read(line []byte) (bad string) {
	// Both would be silently replaced by U+FFFD.
	if !utf8.Valid(line) {
		return "not valid UTF-8"
	}
	if loneSurrogate(line) {
		return "half of a surrogate pair"
	}
	*t = tweetLine{}
	if err := json.Unmarshal(line, t); err != nil {
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return fmt.Sprintf("not a JSON object of a tweet: %s is of type %s", cmp.Or(e.Field, "it"), e.Value)
		}
		return "not a JSON object of a tweet: " + strings.TrimPrefix(err.Error(), "json: ")
	}
	switch {
	case t.ID == nil || t.AuthorID == nil || t.CreatedAt == nil || t.Text == nil:
		return "id, author_id, created_at and text are needed"
	case *t.ID <= 0:
		return fmt.Sprintf("id %d is not positive", *t.ID)
	}
	return ""
}

// loneSurrogate reports whether JSON text has an escaped half of a surrogate pair without the other.
func loneSurrogate(line []byte) bool {
	for i := 0; i+1 < len(line); i++ {
		if line[i] != '\\' {
			continue
		}
		high := surrogate(line[i:])
		switch {
		case high == 0:
			i++ // an escape like \\ or \n: its second byte starts nothing
		case high >= 0xDC00:
			return true
		default:
			if surrogate(line[i+6:]) < 0xDC00 {
				return true
			}
			i += 11
		}
	}
	return false
}

// surrogate returns the value of an escaped surrogate at the start of b, or 0 if there is none.
func surrogate(b []byte) uint64 {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil || v < 0xD800 || v > 0xDFFF {
		return 0
	}
	return v
}

// quote shows a value of a file in a message, cut to a readable length.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
