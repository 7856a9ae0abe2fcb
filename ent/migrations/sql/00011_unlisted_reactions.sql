-- roost: expand
-- +goose Up
-- Binaries from before migration 9 set reactions without raising the version of the user's list. Their events lack the version, so
-- this trigger raises it, adds it to the event, and notes the time. It is not called for events of binaries with the migration.
-- +goose StatementBegin
CREATE FUNCTION roost_list_reaction() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    reacted bigint := substring(NEW.payload FROM '"UserID":([0-9]+)')::bigint;
    raised bigint;
BEGIN
    IF reacted IS NULL OR right(NEW.payload, 1) <> '}' THEN
        RETURN NEW; -- no binary writes such an event
    END IF;
    INSERT INTO reaction_lists AS l (user_id, version) VALUES (reacted, 2)
    ON CONFLICT (user_id) DO UPDATE SET version = l.version + 1 RETURNING l.version INTO raised;
    NEW.payload := left(NEW.payload, -1) || ',"ListVer":' || raised || ',"Unlisted":true}';
    UPDATE reaction_list_upgrades SET unlisted_at = clock_timestamp() WHERE id IN (
        SELECT id FROM reaction_list_upgrades WHERE unlisted_at < clock_timestamp() - interval '5 s' FOR UPDATE SKIP LOCKED);
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER events_list_reaction BEFORE INSERT ON events FOR EACH ROW
    WHEN (NEW.type = 'ReactionSet' AND NEW.payload NOT LIKE '%"ListVer":%') EXECUTE FUNCTION roost_list_reaction();
