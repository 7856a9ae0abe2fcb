package tweets

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/lib/pq"

	"roost/domain/suspensions"
	"roost/ent/tweethashtag"
	"roost/events"
	"roost/internal/cursors"
	"roost/internal/entities"
	"roost/internal/sqldb"
)

// MaxHashtags is how many different hashtags lead to a tweet: the first ones in its text. Further ones are entities of the text only.
const MaxHashtags = 10

// Hashtag is a hashtag in one of its spellings, without its sign.
type Hashtag struct {
	ID   int64
	Name string
}

// TweetHashtag says that a hashtag leads to a tweet.
type TweetHashtag struct {
	Hashtag
	TweetID int64
}

// HashtagID returns the id of the hashtag with a key, see entities.Key: the first 63 bits of the key's SHA-256 hash, so that a key may have
// any length. Whoever finds two keys with the same hash has two hashtags with the same tweets.
func HashtagID(key string) int64 {
	sum := sha256.Sum256([]byte(key))
	return max(1, int64(binary.BigEndian.Uint64(sum[:])>>1)) // ids are positive
}

// HashtagNamed returns the id of the hashtag with a name, which may begin with a sign; ok is false for a name that is longer than a tweet.
func HashtagNamed(name string) (id int64, ok bool) {
	if sign, size := utf8.DecodeRuneInString(name); sign == '#' || sign == '＃' {
		name = name[size:]
	}
	if name == "" || len(name) > utf8.UTFMax*MaxLength {
		return 0, false
	}
	return HashtagID(entities.Key(name)), true
}

// HashtagOf returns the hashtag of an entity.
func HashtagOf(e entities.Entity) Hashtag { return Hashtag{HashtagID(e.Key), e.Name} }

// HashtagsOf returns the first MaxHashtags different hashtags of a text, in their order. Each has its first spelling in the text.
func HashtagsOf(text string) (all []Hashtag) {
	seen := map[string]bool{}
	for _, e := range entities.Find(text) {
		if e.Kind == entities.Hashtag && !seen[e.Key] && len(all) < MaxHashtags {
			seen[e.Key] = true
			all = append(all, HashtagOf(e))
		}
	}
	return all
}

// AppendHashtags appends the hashtags of a tweet with a text, see HashtagsOf.
func AppendHashtags(to []TweetHashtag, tweetID int64, text string) []TweetHashtag {
	for _, h := range HashtagsOf(text) {
		to = append(to, TweetHashtag{h, tweetID})
	}
	return to
}

// addHashtags stores hashtags of tweets in one statement, apart from those that are stored already.
func (t *Tweets) addHashtags(ctx context.Context, tx *events.Tx, all []TweetHashtag) error {
	if len(all) == 0 {
		return nil
	}
	const into = "INSERT INTO tweet_hashtags (hashtag_id, tweet_id, name) SELECT "
	query := into + `json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
		FROM json_each($1) WHERE true ON CONFLICT DO NOTHING`
	var args []any
	if t.db.IsPostgres() {
		query = into + "* FROM unnest($1::bigint[], $2::bigint[], $3::varchar[]) ON CONFLICT DO NOTHING"
		hashtags, tweets, names := make([]int64, len(all)), make([]int64, len(all)), make([]string, len(all))
		for i, h := range all {
			hashtags[i], tweets[i], names[i] = h.ID, h.TweetID, h.Name
		}
		args = []any{pq.Array(hashtags), pq.Array(tweets), pq.Array(names)}
	} else {
		list := make([][3]any, len(all))
		for i, h := range all {
			list[i] = [3]any{h.ID, h.TweetID, h.Name}
		}
		text, _ := json.Marshal(list) // numbers and strings always encode
		args = []any{string(text)}
	}
	if _, err := tx.Client().ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("store hashtags: %w", err)
	}
	return nil
}

// removeHashtags removes the hashtags of a tweet with a text.
func removeHashtags(ctx context.Context, tx *events.Tx, tweetID int64, text string) error {
	var hashtags []int64
	for _, h := range HashtagsOf(text) {
		hashtags = append(hashtags, h.ID)
	}
	if len(hashtags) == 0 {
		return nil
	}
	_, err := tx.TweetHashtag.Delete().
		Where(sqldb.In(tweethashtag.FieldHashtagID, hashtags), tweethashtag.TweetID(tweetID)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove hashtags: %w", err)
	}
	return nil
}

// Conditions and columns for a row of tweet_hashtags. PostgreSQL reads such rows in order, and only as many as it needs, because the
// condition is dear.
const (
	notDeleted = "coalesce((SELECT true FROM tweets WHERE id = tweet_id AND " + VisibleSQL + "), false)"
	authorOf   = "(SELECT author_id FROM tweets WHERE id = tweet_id)"
)

// ofHashtag are the lists of the tweets with a hashtag. The sort key of an entry is its tweet. Releases before hashtags delete tweets
// without their hashtags, so the tweet is looked at.
var ofHashtag = sqldb.Lists{Table: "tweet_hashtags", Owner: "hashtag_id", SortKey: "tweet_id", Item: "tweet_id", Where: notDeleted,
	By: authorOf}

// OfHashtags reads pages of the tweets with several hashtags, the newest first, in one statement for each page size. Row.By is who wrote
// the tweet. Tweets of suspended users are among them.
func (t *Tweets) OfHashtags(ctx context.Context, keys []sqldb.Key) (map[sqldb.Key]cursors.Page[sqldb.Row], error) {
	return ofHashtag.Pages(ctx, t.db.Driver, keys)
}

const (
	// spellings is among how many of the newest visible tweets with a hashtag its spellings are counted.
	spellings = 100
	// spellingsLookedAt is how many of the newest tweets are looked at to find these. A hashtag is not known if none of them is visible,
	// because their authors are suspended.
	spellingsLookedAt = 1000
)

// UsedHashtag is what is known of a hashtag that a visible tweet has.
type UsedHashtag struct {
	// Hashtag has the spelling that is most common in the newest 100 tweets; of several, the one of the newest tweet.
	Hashtag
	// Newest is the newest visible tweet with the hashtag.
	Newest int64
}

// Hashtags reads hashtags in one statement. Those that no visible tweet has are left out.
func (t *Tweets) Hashtags(ctx context.Context, hashtagIDs []int64) (map[int64]UsedHashtag, error) {
	type row struct {
		id, times, newest int64
		name              string
	}
	rows, err := sqldb.ScanAll(ctx, t.db, t.spellingsStatement(), []any{t.db.List(hashtagIDs)},
		func(r *row) []any { return []any{&r.id, &r.name, &r.times, &r.newest} })
	if err != nil {
		return nil, fmt.Errorf("read hashtags: %w", err)
	}
	most, out := map[int64]row{}, map[int64]UsedHashtag{}
	for _, r := range rows {
		if best := most[r.id]; r.times > best.times || r.times == best.times && r.newest > best.newest {
			most[r.id] = r
		}
		out[r.id] = UsedHashtag{Hashtag{r.id, most[r.id].name}, max(out[r.id].Newest, r.newest)}
	}
	return out, nil
}

// spellingsStatement reads the newest rows of each hashtag through the index tweets_of_hashtag.
func (t *Tweets) spellingsStatement() string {
	if t.db.IsPostgres() {
		return fmt.Sprintf(`SELECT k.id, t.name, count(*), max(t.tweet_id) FROM unnest($1::bigint[]) AS k(id)
			CROSS JOIN LATERAL (SELECT name, tweet_id FROM
				(SELECT name, tweet_id FROM tweet_hashtags WHERE hashtag_id = k.id AND %s
					ORDER BY tweet_id DESC LIMIT %s) AS newest
				WHERE %s ORDER BY tweet_id DESC LIMIT %s) AS t
			GROUP BY 1, 2`, notDeleted, sqldb.InOrder(fmt.Sprint(spellingsLookedAt)),
			suspensions.NotSuspended(authorOf), sqldb.InOrder(fmt.Sprint(spellings)))
	}
	return fmt.Sprintf(`SELECT k.value, t.name, count(*), max(t.tweet_id) FROM json_each($1) AS k
		JOIN tweet_hashtags AS t ON t.rowid IN (SELECT id FROM
			(SELECT rowid AS id, tweet_id FROM tweet_hashtags WHERE hashtag_id = k.value AND %s ORDER BY tweet_id DESC LIMIT %d)
			WHERE %s ORDER BY tweet_id DESC LIMIT %d)
		GROUP BY 1, 2`, notDeleted, spellingsLookedAt, suspensions.NotSuspended(authorOf), spellings)
}
