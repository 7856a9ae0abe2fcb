-- roost: expand
-- +goose NO TRANSACTION
-- +goose Up
-- Users whom an operator has suspended.
ALTER TABLE users ADD COLUMN IF NOT EXISTS suspended_at timestamptz;
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS users_suspended;
CREATE INDEX CONCURRENTLY users_suspended ON users (id) WHERE suspended_at IS NOT NULL;
