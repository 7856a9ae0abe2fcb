-- roost: expand
-- +goose Up
-- The binaries that serve this schema are those whose newest migration is oldest or a later one. A migration that takes
-- something away, or changes what something means, raises it to the last version of the release before.
CREATE TABLE schema_compatibility (
    id bigint NOT NULL PRIMARY KEY CHECK (id = 1),
    oldest bigint NOT NULL
);
INSERT INTO schema_compatibility (id, oldest) VALUES (1, 5);
