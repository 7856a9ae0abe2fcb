package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"roost/ent"
	"roost/events"
	"roost/internal/ids"
)

// made is a world whose people, tweets, follows and likes have been imported. users and tweets are the rows of the ids in its files.
type made struct {
	*world
	users, tweets map[int64]int64
}

func (m *made) user(i int) int64  { return m.users[int64(i+1)] }
func (m *made) tweet(i int) int64 { return m.tweets[int64(i+1)] }

func (m *made) dislike(ctx context.Context, react func(ctx context.Context, userID, tweetID int64, kind int8) error) error {
	if react == nil {
		return nil
	}
	for _, d := range m.dislikes {
		if err := react(ctx, m.user(d.from), m.tweet(d.to), kindDislike); err != nil {
			return err
		}
	}
	return nil
}

// complete writes what an import cannot: which tweets are replies, retweets, profiles, and the marker that the world is complete. Its event
// is that of an import, so that nothing is served that was copied in between.
func (m *made) complete(ctx context.Context, tx *events.Tx) error {
	for _, step := range []func(ctx context.Context, tx *events.Tx) error{m.answer, m.retweet, m.count, m.introduce} {
		if err := step(ctx, tx); err != nil {
			return err
		}
	}
	tx.Emit(events.RowsImported{Source: source, File: "world", Rows: int64(len(m.world.tweets))})
	return tx.ImportProgress.Create().SetID(marker).SetFingerprint("").SetLines(0).SetComplete(true).SetUpdatedAt(tx.Now).Exec(ctx)
}

// answer makes replies of those tweets that have parents.
func (m *made) answer(ctx context.Context, tx *events.Tx) error {
	var rows [][]int64
	for i, p := range m.world.tweets {
		if p.parent >= 0 {
			rows = append(rows, []int64{m.tweet(i), m.tweet(p.parent), m.user(m.world.tweets[p.parent].author)})
		}
	}
	_, err := tx.Client().ExecContext(ctx, "WITH replies (id, parent, author) AS ("+values(rows)+`) UPDATE tweets
		SET in_reply_to = replies.parent, parent_author_id = replies.author FROM replies WHERE tweets.id = replies.id`)
	if err != nil {
		return fmt.Errorf("write replies: %w", err)
	}
	return nil
}

// firstSeq is the highest sequence number of a retweet's sort key. Imported tweets of the same millisecond count upwards from 0.
const firstSeq = 1<<12 - 1

func (m *made) retweet(ctx context.Context, tx *events.Tx) error {
	rows, users := make([]*ent.RetweetCreate, len(m.retweets)), map[int64]bool{}
	for i, r := range m.retweets {
		p, user := m.world.tweets[r.tweet], m.user(r.user)
		users[user] = true
		sortKey := max(ids.Compose(ids.Millis(r.at), ids.ImportNode, firstSeq-i%(firstSeq/2)), m.tweet(r.tweet)+1)
		rows[i] = tx.Retweet.Create().SetTweetID(m.tweet(r.tweet)).SetUserID(user).SetAuthorID(m.user(p.author)).SetSortKey(sortKey).
			SetRetweetedAt(ids.Time(sortKey))
	}
	if err := tx.Retweet.CreateBulk(rows...).Exec(ctx); err != nil {
		return fmt.Errorf("write retweets: %w", err)
	}
	var raised [][]int64
	for _, user := range slices.Sorted(maps.Keys(users)) {
		raised = append(raised, []int64{user})
	}
	_, err := tx.Client().ExecContext(ctx, "UPDATE user_stats SET version = version + 1 WHERE user_id IN ("+values(raised)+")")
	if err != nil {
		return fmt.Errorf("raise the versions of lists: %w", err)
	}
	return nil
}

// count adds replies and retweets to the counts of tweets.
func (m *made) count(ctx context.Context, tx *events.Tx) error {
	replies, retweets := map[int]int64{}, map[int]int64{}
	for _, p := range m.world.tweets {
		if p.parent >= 0 {
			replies[p.parent]++
		}
	}
	for _, r := range m.retweets {
		retweets[r.tweet]++
	}
	var rows [][]int64
	for i := range m.world.tweets {
		if n := replies[i] + retweets[i]; n > 0 {
			rows = append(rows, []int64{m.tweet(i), replies[i], retweets[i], n})
		}
	}
	_, err := tx.Client().ExecContext(ctx, "INSERT INTO tweet_stats (tweet_id, reply_count, retweet_count, revision) "+values(rows)+`
		ON CONFLICT (tweet_id) DO UPDATE SET reply_count = tweet_stats.reply_count + excluded.reply_count,
		retweet_count = tweet_stats.retweet_count + excluded.retweet_count, revision = tweet_stats.revision + excluded.revision`)
	if err != nil {
		return fmt.Errorf("count replies and retweets: %w", err)
	}
	return nil
}

// introduce writes the profiles.
func (m *made) introduce(ctx context.Context, tx *events.Tx) error {
	for i, p := range people {
		set, args := "bio = $2, version = version + 1", []any{m.user(i), p.bio}
		if p.website != "" {
			args = append(args, p.website)
			set += fmt.Sprintf(", website_url = $%d", len(args))
		}
		if p.role != newcomer {
			args = append(args, m.joined[i])
			set += fmt.Sprintf(", created_at = $%d", len(args))
		}
		if _, err := tx.Client().ExecContext(ctx, "UPDATE users SET "+set+" WHERE id = $1", args...); err != nil {
			return fmt.Errorf("write the profile of %s: %w", p.username, err)
		}
	}
	return nil
}

// values is SQL for a table of numbers.
func values(rows [][]int64) string {
	var b strings.Builder
	b.WriteString("VALUES ")
	for i, row := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(row)), ", "), "[]") + ")")
	}
	return b.String()
}
