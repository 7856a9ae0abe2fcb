-- roost: expand
-- +goose Up
-- Counters of attempts to sign in, by address, by account, and by pairs of both. Keys are hashes.
CREATE TABLE sign_in_limits (
    key varchar NOT NULL PRIMARY KEY,
    used bigint NOT NULL,
    ends_at timestamptz NOT NULL,
    known_until timestamptz,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_limits_expired ON sign_in_limits (expires_at);
