-- roost: expand
-- +goose Up
-- How far prepared timelines are: everything up to seq, an offset in the log, is in them, but for what timeline_fanouts has. last is the name
-- of the last move of their marks in Redis. The table has one row, which workers make.
CREATE TABLE timeline_progress (
    id bigint NOT NULL PRIMARY KEY,
    seq bigint NOT NULL,
    last varchar NOT NULL
);

-- Authors whose entries are not pushed into prepared timelines but merged when they are read (merged), from an offset in the log on. forced
-- is 0 if the number of followers decides, 1 for push, 2 for merge.
CREATE TABLE timeline_sides (
    author_id bigint NOT NULL PRIMARY KEY,
    merged boolean NOT NULL,
    seq bigint NOT NULL,
    forced smallint NOT NULL DEFAULT 0
);
CREATE INDEX timeline_sides_merged ON timeline_sides (author_id) WHERE merged;

-- Events of authors with many followers, which are pushed in chunks. The id is the event's offset in the log; followers whose follow has a
-- sort key of up to done have the record. Rows come and go all the time, so vacuum does not wait for a share of them.
CREATE TABLE timeline_fanouts (
    id bigint NOT NULL PRIMARY KEY,
    author_id bigint NOT NULL,
    record bytea NOT NULL,
    done bigint NOT NULL DEFAULT 0,
    chunks bigint NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 5000);
CREATE INDEX timeline_fanouts_turn ON timeline_fanouts (chunks, id);
