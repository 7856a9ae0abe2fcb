-- roost: expand
-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = 0;
-- The answers to a tweet in the log, for subscribers who come back.
DROP INDEX CONCURRENTLY IF EXISTS events_answers;
CREATE INDEX CONCURRENTLY events_answers ON events (aggregate, seq) WHERE type = 'ReplyAdded';
