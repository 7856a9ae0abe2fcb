-- roost: stop
-- +goose Up
-- Names that a reader of the schema understands at once. Binaries without this migration do not serve the schema, and this one
-- serves none before it: stop all nodes first.
UPDATE schema_compatibility SET oldest = 8;

ALTER TABLE follows RENAME COLUMN place TO sort_key;

ALTER TABLE users RENAME COLUMN ver TO version;
ALTER TABLE username_claims RENAME COLUMN ver TO version;
ALTER TABLE email_claims RENAME COLUMN ver TO version;
ALTER TABLE sessions RENAME COLUMN ver TO version;
ALTER TABLE follows RENAME COLUMN ver TO version;
ALTER TABLE tweets RENAME COLUMN ver TO version;
ALTER TABLE reactions RENAME COLUMN ver TO version;
ALTER TABLE user_stats RENAME COLUMN ver TO version;
ALTER TABLE user_stats RENAME COLUMN following_ver TO following_version;

ALTER TABLE group_parts RENAME TO group_partitions;
ALTER TABLE group_partitions RENAME COLUMN part TO partition;
ALTER INDEX group_parts_pkey RENAME TO group_partitions_pkey;
ALTER INDEX group_parts_key RENAME TO group_partitions_key;

ALTER TABLE parked_events RENAME TO retry_queue;
ALTER INDEX parked_events_pkey RENAME TO retry_queue_pkey;
ALTER INDEX parked_events_key RENAME TO retry_queue_key;
ALTER INDEX parked_events_waiting RENAME TO retry_queue_waiting;
ALTER SEQUENCE parked_events_id_seq RENAME TO retry_queue_id_seq;

-- +goose StatementBegin
-- Begins a new epoch at the current end of the log, if the current epoch is the expected one or none is expected: of several
-- callers with the same reason one begins it.
CREATE OR REPLACE FUNCTION roost_begin_epoch(expected bigint DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
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
    UPDATE group_partitions SET position = head, owner = '' WHERE position > head;
END
$$;
-- +goose StatementEnd

DROP FUNCTION roost_number(bigint, bigint);
DROP FUNCTION roost_sequence(bigint, bigint);
DROP FUNCTION roost_give_seqs(bigint, bigint);

-- +goose StatementBegin
-- Assigns the next seqs, without gaps, to at most max_events committed events whose id is above a bound, and returns how many it
-- assigned. The head is locked for this call only, so a caller that freezes delays nobody. Each statement has a snapshot of its
-- own, so it sees what another caller has sequenced meanwhile. Plans are not kept, and only plans by index are allowed: a plan
-- that was made for an empty table is a thousand times too slow later.
CREATE FUNCTION roost_assign_seqs(max_events bigint, above bigint) RETURNS bigint LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    head bigint;
    assigned bigint;
BEGIN
    PERFORM 1 FROM events WHERE seq IS NULL AND id > above LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    SELECT seq INTO head FROM log_heads WHERE log_heads.id = 1 FOR UPDATE;
    WITH next AS (
        SELECT u.id, row_number() OVER (ORDER BY u.id) AS n
        FROM (SELECT id FROM events WHERE seq IS NULL AND id > above ORDER BY id LIMIT max_events) AS u
    )
    UPDATE events AS e SET seq = head + next.n FROM next WHERE e.id = next.id;
    GET DIAGNOSTICS assigned = ROW_COUNT;
    IF assigned > 0 THEN
        UPDATE log_heads SET seq = head + assigned, sequenced_at = clock_timestamp() WHERE id = 1;
    END IF;
    RETURN assigned;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Sequences committed events, none before the epoch is right, and returns how many and in which epoch. It has no settings of its
-- own, which would have the plans of roost_epoch made anew each time.
CREATE FUNCTION roost_sequence(max_events bigint, above bigint, OUT assigned bigint, OUT epoch bigint, OUT since bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT e.epoch, e.since INTO epoch, since FROM roost_epoch() AS e;
    assigned := roost_assign_seqs(max_events, above);
END
$$;
-- +goose StatementEnd
