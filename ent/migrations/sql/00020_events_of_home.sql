-- roost: expand
-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = 0;
-- The events that home timelines catch up on, which have more types than those of the index events_home. It has a name of its own, so that
-- there is one of the two at any time. Statements with the types of before use it as well.
DROP INDEX CONCURRENTLY IF EXISTS events_of_home;
CREATE INDEX CONCURRENTLY events_of_home ON events (seq) WHERE type IN ('TweetPosted', 'TweetDeleted', 'TweetRetweeted', 'RetweetUndone',
    'UserFollowed', 'UserUnfollowed', 'RowsImported', 'UserSuspended', 'UserRestored');
DROP INDEX CONCURRENTLY IF EXISTS events_home;
