// Package tweets holds the rules of tweets: which texts are allowed, who may delete a tweet, and which tweets are visible.
package tweets

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"roost/domain/counts"
	"roost/ent"
	"roost/ent/tweet"
	"roost/events"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/internal/visible"
)

// MaxLength is the most code points of a tweet.
const MaxLength = 280

// Tweet is a short message. It never changes, except that it may be deleted. Version is the version of its row.
type Tweet struct {
	ID        ids.TweetID
	AuthorID  int64
	Text      string
	CreatedAt time.Time
	Deleted   bool
	Version   int64
	// InReplyTo is the tweet that a reply answers, its parent, and ParentAuthorID the author of that. Both are 0 if it is no reply.
	InReplyTo, ParentAuthorID int64
}

// Draft is what a tweet is posted with. InReplyTo is the tweet that it answers; 0 for none.
type Draft struct {
	Text      string
	InReplyTo int64
}

// Tweets reads and writes tweets. It is safe for concurrent use.
type Tweets struct {
	client  *ent.Client
	db      *sqldb.DB
	log     *events.Log
	ids     *ids.Generator
	running running
}

// New returns the tweets in a database. client, db and log must belong to the same database.
func New(client *ent.Client, db *sqldb.DB, log *events.Log, gen *ids.Generator) *Tweets {
	return &Tweets{client: client, db: db, log: log, ids: gen}
}

// Check returns nil if a text is allowed as the text of a tweet, otherwise the refusal.
func Check(text string) *errs.Error {
	switch {
	case !visible.Any(text):
		return errs.New(errs.Required, "a tweet must not be blank", "text")
	case utf8.RuneCountInString(text) > MaxLength:
		return errs.New(errs.TooLong, "a tweet has at most 280 characters", "text").Within(MaxLength)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	}):
		return errs.New(errs.Invalid, "a tweet holds text, no control characters", "text")
	}
	return nil
}

// Post posts a tweet that answers nobody. A text that Check refuses is refused.
func (t *Tweets) Post(ctx context.Context, authorID int64, text string) (*Tweet, error) {
	return t.PostDraft(ctx, authorID, Draft{Text: text})
}

// PostDraft posts a tweet. A text that Check refuses is refused. If the draft answers a tweet that is not visible, the field "inReplyTo" is
// refused with NOT_FOUND.
func (t *Tweets) PostDraft(ctx context.Context, authorID int64, d Draft) (*Tweet, error) {
	made, err := t.prepare(ctx, authorID, d)
	if err != nil {
		return nil, err
	}
	if err := t.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error { return t.insert(ctx, tx, made) }); err != nil {
		return nil, err
	}
	return made, nil
}

// prepare returns a tweet that is not stored yet. The id of a reply is higher than that of its parent.
func (t *Tweets) prepare(ctx context.Context, authorID int64, d Draft) (*Tweet, error) {
	if e := Check(d.Text); e != nil {
		return nil, e
	}
	id, err := NextID(ctx, t.client, t.ids, d.InReplyTo)
	if e, ok := errors.AsType[*errs.Error](err); ok && e.Kind == errs.NotFound {
		return nil, NoSuchParent()
	}
	if err != nil {
		return nil, err
	}
	// The tweet is sorted by its id and shows this time, so they must agree.
	return &Tweet{ID: ids.TweetID(id), AuthorID: authorID, Text: d.Text, CreatedAt: ids.Time(id), Version: 1, InReplyTo: d.InReplyTo}, nil
}

// insert stores a tweet with its hashtags, and counts it.
func (t *Tweets) insert(ctx context.Context, tx *events.Tx, made *Tweet) error {
	row := tx.Tweet.Create().SetID(int64(made.ID)).SetAuthorID(made.AuthorID).SetText(made.Text).SetCreatedAt(made.CreatedAt)
	if made.InReplyTo != 0 {
		if err := answer(ctx, tx, made); err != nil {
			return err
		}
		row.SetInReplyTo(made.InReplyTo).SetParentAuthorID(made.ParentAuthorID)
	}
	if err := row.Exec(ctx); err != nil {
		return fmt.Errorf("post the tweet: %w", err)
	}
	if err := t.addHashtags(ctx, tx, AppendHashtags(nil, int64(made.ID), made.Text)); err != nil {
		return err
	}
	versions, err := counts.Add(ctx, tx, counts.Delta{UserID: made.AuthorID, Tweets: 1})
	if err != nil {
		return err
	}
	tx.Emit(events.TweetPosted{TweetID: int64(made.ID), AuthorID: made.AuthorID, AuthorVersion: versions[made.AuthorID].Version,
		InReplyTo: made.InReplyTo, ParentAuthorID: made.ParentAuthorID})
	return nil
}

// NoSuchTweet returns the refusal of a field "tweet" that names no tweet, or one that is not visible.
func NoSuchTweet() *errs.Error { return errs.New(errs.NotFound, "there is no such tweet", "tweet") }

// MayDelete reports whether a user may delete a tweet of an author: only its author may.
func MayDelete(userID, authorID int64) bool { return userID == authorID }

// Delete deletes a tweet of the user's; deleting it again changes nothing. The field "tweet" is refused with FORBIDDEN if
// somebody else wrote the tweet, and with NOT_FOUND if there is none or somebody else has deleted it.
func (t *Tweets) Delete(ctx context.Context, userID, tweetID int64) error {
	return t.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		row, err := tx.Tweet.Query().Where(tweet.ID(tweetID)).Only(ctx)
		switch {
		case ent.IsNotFound(err), err == nil && deleted(row) && !MayDelete(userID, row.AuthorID):
			return NoSuchTweet()
		case err != nil:
			return fmt.Errorf("look up the tweet: %w", err)
		case !MayDelete(userID, row.AuthorID):
			return errs.New(errs.NotAllowed, "only its author may delete a tweet", "tweet")
		}
		done, err := remove(ctx, tx, row)
		if err == nil && !done {
			tx.AlreadyDone()
		}
		return err
	})
}

// Remove deletes a tweet, whoever wrote it, for an operator; it does not check who calls it. It does what Delete does for the author. done
// is false if the tweet was deleted before. The field "tweet" is refused with NOT_FOUND if there was never such a tweet.
func (t *Tweets) Remove(ctx context.Context, tweetID int64) (done bool, err error) {
	err = t.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		row, err := tx.Tweet.Query().Where(tweet.ID(tweetID)).Only(ctx)
		switch {
		case ent.IsNotFound(err):
			return NoSuchTweet()
		case err != nil:
			return fmt.Errorf("look up the tweet: %w", err)
		}
		if done, err = remove(ctx, tx, row); err == nil && !done {
			tx.AlreadyDone(events.TweetDeleted{TweetID: tweetID, AuthorID: row.AuthorID})
		}
		return err
	})
	return done && err == nil, err
}

// remove marks a tweet as deleted, and counts and emits that. done is false if another transaction has deleted it.
func remove(ctx context.Context, tx *events.Tx, row *ent.Tweet) (done bool, err error) {
	n, err := tx.Tweet.Update().Where(tweet.ID(row.ID), IsVisible()).SetDeletedAt(tx.Now).AddVersion(1).Save(ctx)
	if err != nil {
		return false, fmt.Errorf("delete the tweet: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	if err := removeHashtags(ctx, tx, row.ID, row.Text); err != nil {
		return false, err
	}
	versions, err := counts.Add(ctx, tx, counts.Delta{UserID: row.AuthorID, Tweets: -1})
	if err != nil {
		return false, err
	}
	parent := value(row.InReplyTo)
	if parent != 0 {
		if err := countReply(ctx, tx, parent, -1); err != nil {
			return false, err
		}
		tx.Emit(events.ReplyRemoved{TweetID: parent, ReplyID: row.ID, AuthorID: row.AuthorID})
	}
	tx.Emit(events.TweetDeleted{TweetID: row.ID, AuthorID: row.AuthorID, Version: row.Version + 1,
		AuthorVersion: versions[row.AuthorID].Version, InReplyTo: parent, ParentAuthorID: value(row.ParentAuthorID)})
	return true, nil
}

// ByID reads tweets in one statement. Deleted tweets are included, without their text; unknown ids are left out.
func (t *Tweets) ByID(ctx context.Context, tweetIDs []int64) (map[int64]*Tweet, error) {
	return Read(ctx, t.client, tweetIDs)
}

// Read is Tweets.ByID with a client, such as that of a transaction.
func Read(ctx context.Context, client *ent.Client, tweetIDs []int64) (map[int64]*Tweet, error) {
	rows, err := client.Tweet.Query().Where(sqldb.In(tweet.FieldID, tweetIDs)).
		Select(tweet.FieldID, tweet.FieldAuthorID, tweet.FieldText, tweet.FieldCreatedAt, tweet.FieldDeletedAt, tweet.FieldVersion,
			tweet.FieldInReplyTo, tweet.FieldParentAuthorID).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read tweets: %w", err)
	}
	out := make(map[int64]*Tweet, len(rows))
	for _, r := range rows {
		at := &Tweet{ID: ids.TweetID(r.ID), AuthorID: r.AuthorID, CreatedAt: r.CreatedAt.UTC(), Deleted: deleted(r), Version: r.Version,
			InReplyTo: value(r.InReplyTo), ParentAuthorID: value(r.ParentAuthorID)}
		if !at.Deleted {
			at.Text = r.Text
		}
		out[r.ID] = at
	}
	return out, nil
}

// value returns a column that may be null, 0 if it is.
func value(column *int64) int64 {
	if column == nil {
		return 0
	}
	return *column
}
