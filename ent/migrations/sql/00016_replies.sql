-- roost: expand
-- +goose NO TRANSACTION
-- +goose Up
-- The tweet that a reply answers, and the author of that, also of the tweets that were retweeted.
ALTER TABLE tweets ADD COLUMN IF NOT EXISTS in_reply_to bigint, ADD COLUMN IF NOT EXISTS parent_author_id bigint;
ALTER TABLE retweets ADD COLUMN IF NOT EXISTS parent_author_id bigint;
ALTER TABLE tweet_stats ADD COLUMN IF NOT EXISTS reply_count bigint NOT NULL DEFAULT 0;
ALTER TABLE reaction_deltas ADD COLUMN IF NOT EXISTS replies bigint NOT NULL DEFAULT 0;

-- +goose StatementBegin
-- roost_tweet_counts with replies; see there. It has a name of its own for binaries that expect the other columns.
CREATE OR REPLACE FUNCTION roost_counts_of_tweets(tweets bigint[])
RETURNS TABLE (tweet bigint, likes bigint, dislikes bigint, retweets bigint, replies bigint, revision bigint, deltas bigint)
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    RETURN QUERY SELECT a.id, coalesce(s.like_count, 0) + d.likes, coalesce(s.dislike_count, 0) + d.dislikes,
        coalesce(s.retweet_count, 0), coalesce(s.reply_count, 0) + d.replies, coalesce(s.revision, 0) + d.changes, d.deltas
    FROM unnest(tweets) AS a(id)
    LEFT JOIN LATERAL (SELECT * FROM tweet_stats AS t WHERE t.tweet_id = a.id LIMIT 1) AS s ON true
    CROSS JOIN LATERAL (SELECT coalesce(sum(r.likes), 0)::bigint AS likes, coalesce(sum(r.dislikes), 0)::bigint AS dislikes,
        coalesce(sum(r.replies), 0)::bigint AS replies, coalesce(sum(r.changes), 0)::bigint AS changes, count(*) AS deltas
        FROM reaction_deltas AS r WHERE r.tweet_id = a.id) AS d
    WHERE s.tweet_id IS NOT NULL OR d.deltas > 0;
END
$$;
-- +goose StatementEnd

SET lock_timeout = 0;
-- What an author has written: what answers nobody or the author, and what answers others. And the replies to a
-- tweet, the deleted ones as well, because their versions are in its revision.
DROP INDEX CONCURRENTLY IF EXISTS tweets_of_author_own;
CREATE INDEX CONCURRENTLY tweets_of_author_own ON tweets (author_id, id)
    WHERE deleted_at IS NULL AND (parent_author_id IS NULL OR parent_author_id = author_id);
DROP INDEX CONCURRENTLY IF EXISTS replies_of_author;
CREATE INDEX CONCURRENTLY replies_of_author ON tweets (author_id, id) WHERE deleted_at IS NULL AND parent_author_id <> author_id;
DROP INDEX CONCURRENTLY IF EXISTS replies_of_tweet;
CREATE INDEX CONCURRENTLY replies_of_tweet ON tweets (in_reply_to, id) WHERE in_reply_to IS NOT NULL;
