-- roost: expand
-- +goose Up
-- One row per tweet and user, which is never deleted. The sort key is the time-ordered id that the retweet got when it last began.
CREATE TABLE retweets (
    tweet_id bigint NOT NULL,
    user_id bigint NOT NULL,
    author_id bigint NOT NULL,
    active boolean NOT NULL DEFAULT true,
    sort_key bigint NOT NULL,
    retweeted_at timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tweet_id, user_id)
);
CREATE INDEX retweets_of_user ON retweets (user_id, sort_key, tweet_id, author_id) WHERE active;
CREATE INDEX retweets_of_tweet ON retweets (tweet_id, sort_key, user_id) WHERE active;
CREATE INDEX retweets_of_user_by_tweet ON retweets (user_id, tweet_id) WHERE active;

ALTER TABLE tweet_stats ADD COLUMN retweet_count bigint NOT NULL DEFAULT 0;
