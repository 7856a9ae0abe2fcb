-- +goose Up
-- The version of the list of those whom a user follows: raised by every follow and unfollow, and by nothing else.
ALTER TABLE user_stats ADD COLUMN following_ver bigint NOT NULL DEFAULT 1;
