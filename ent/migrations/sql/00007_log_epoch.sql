-- roost: expand
-- +goose Up
-- The epoch of the log: a random number that changes when the database is no longer the one that it was, because it went
-- back to an earlier state or was copied. epoch_since is where the log ended when the epoch began; lineage is what the
-- database was by then.
ALTER TABLE log_heads
    ADD COLUMN epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN epoch_since bigint NOT NULL DEFAULT 0,
    ADD COLUMN lineage text NOT NULL DEFAULT '';

-- +goose StatementBegin
-- What tells this database from its copies: the cluster, its timeline (new after each promotion and each recovery to a
-- point in time), the database, and the table. Some managed servers hide one of these.
CREATE FUNCTION roost_lineage() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    cluster text := '';
    timeline text := '';
BEGIN
    BEGIN
        SELECT system_identifier::text INTO cluster FROM pg_control_system();
        timeline := left(pg_walfile_name(pg_current_wal_lsn()), 8);
    EXCEPTION WHEN insufficient_privilege OR feature_not_supported THEN
        NULL;
    END;
    RETURN cluster || ':' || timeline || ':' || (SELECT oid FROM pg_database WHERE datname = current_database())
        || ':' || 'log_heads'::regclass::oid;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Begins a new epoch where the log ends now, if the current one is the expected one or none is expected: of several callers
-- with the same reason one begins it.
CREATE FUNCTION roost_begin_epoch(expected bigint DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    current bigint;
    head bigint;
    fresh bigint;
BEGIN
    SELECT epoch, seq INTO current, head FROM log_heads WHERE id = 1 FOR UPDATE;
    IF current <> expected THEN
        RETURN;
    END IF;
    LOOP
        fresh := 1 + floor(random() * 1048575)::bigint; -- 20 bits: cursors have no room for more
        EXIT WHEN fresh <> current;
    END LOOP;
    UPDATE log_heads SET epoch = fresh, epoch_since = seq, lineage = roost_lineage() WHERE id = 1;
    UPDATE group_parts SET position = head, owner = '' WHERE position > head;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Begins a new epoch if the database is another one than when the current epoch began, and returns the current one.
CREATE FUNCTION roost_epoch(OUT epoch bigint, OUT since bigint) LANGUAGE plpgsql AS $$
DECLARE
    now_at text := roost_lineage();
    was_at text;
BEGIN
    SELECT h.epoch, h.epoch_since, h.lineage INTO epoch, since, was_at FROM log_heads AS h WHERE h.id = 1;
    IF was_at <> now_at OR epoch = 0 THEN
        PERFORM 1 FROM log_heads AS h WHERE h.id = 1 FOR UPDATE;
        SELECT h.epoch, h.lineage INTO epoch, was_at FROM log_heads AS h WHERE h.id = 1;
        IF was_at <> now_at OR epoch = 0 THEN -- nobody else was first
            PERFORM roost_begin_epoch();
        END IF;
        SELECT h.epoch, h.epoch_since INTO epoch, since FROM log_heads AS h WHERE h.id = 1;
    END IF;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- What roost_sequence was before: gives up to most committed events with an id above a bound the next seqs.
CREATE FUNCTION roost_give_seqs(most bigint, above bigint) RETURNS bigint LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    head bigint;
    given bigint;
BEGIN
    PERFORM 1 FROM events WHERE seq IS NULL AND id > above LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    SELECT seq INTO head FROM log_heads WHERE log_heads.id = 1 FOR UPDATE;
    WITH next AS (
        SELECT u.id, row_number() OVER (ORDER BY u.id) AS n
        FROM (SELECT id FROM events WHERE seq IS NULL AND id > above ORDER BY id LIMIT most) AS u
    )
    UPDATE events AS e SET seq = head + next.n FROM next WHERE e.id = next.id;
    GET DIAGNOSTICS given = ROW_COUNT;
    IF given > 0 THEN
        UPDATE log_heads SET seq = head + given, sequenced_at = clock_timestamp() WHERE id = 1;
    END IF;
    RETURN given;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Numbers committed events, none before the epoch is right, and returns how many and in which epoch. It has no settings of its
-- own, which would have the plans of roost_epoch made anew each time.
CREATE FUNCTION roost_number(most bigint, above bigint, OUT given bigint, OUT epoch bigint, OUT since bigint) LANGUAGE plpgsql AS $$
BEGIN
    SELECT e.epoch, e.since INTO epoch, since FROM roost_epoch() AS e;
    given := roost_give_seqs(most, above);
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- For binaries from before this migration, which know nothing of epochs.
CREATE OR REPLACE FUNCTION roost_sequence(most bigint, above bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM roost_epoch();
    RETURN roost_give_seqs(most, above);
END
$$;
-- +goose StatementEnd

SELECT roost_epoch();
