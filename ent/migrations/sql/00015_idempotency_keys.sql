-- roost: expand
-- +goose Up
-- Keys with which clients repeat a request that posts a tweet. The id of the tweet tells when; rows older than a day are removed in the
-- order of the ids. Rows come and go all the time, so vacuum does not wait for a share of them.
CREATE TABLE idempotency_keys (
    tweet_id bigint NOT NULL PRIMARY KEY,
    user_id bigint NOT NULL,
    key varchar NOT NULL,
    arguments bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 5000);
CREATE UNIQUE INDEX idempotency_keys_of_user ON idempotency_keys (user_id, key);
