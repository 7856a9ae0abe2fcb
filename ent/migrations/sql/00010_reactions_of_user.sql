-- roost: expand
-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = 0;
-- The newest reactions of a user, without those that were taken back.
DROP INDEX CONCURRENTLY IF EXISTS reactions_of_user;
CREATE INDEX CONCURRENTLY reactions_of_user ON reactions (user_id, tweet_id, kind) WHERE kind <> 0;
