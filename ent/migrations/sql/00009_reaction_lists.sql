-- roost: expand
-- +goose Up
-- The version of the list of a user's newest reactions, raised by every change of one of them. A user without a row is at version 1.
CREATE TABLE reaction_lists (
    user_id bigint NOT NULL PRIMARY KEY,
    version bigint NOT NULL
) WITH (fillfactor = 70);

-- When a binary from before this migration last set a reaction, to 5 s. Such binaries do not invalidate lists of reactions.
CREATE TABLE reaction_list_upgrades (
    id bigint NOT NULL PRIMARY KEY CHECK (id = 1),
    unlisted_at timestamptz NOT NULL
);
INSERT INTO reaction_list_upgrades (id, unlisted_at) VALUES (1, '-infinity');
