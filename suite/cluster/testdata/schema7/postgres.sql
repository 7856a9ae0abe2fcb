-- A database at migration 7, as the commit before migration 8 left it: accounts, follows, tweets, reactions, sessions, a log with
-- every type of event, consumer groups, and their events to retry and dead letters. postgres.json has what that commit answered.

--
-- PostgreSQL database dump
--



SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: roost_begin_epoch(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.roost_begin_epoch(expected bigint DEFAULT NULL::bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
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


--
-- Name: roost_epoch(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.roost_epoch(OUT epoch bigint, OUT since bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
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


--
-- Name: roost_give_seqs(bigint, bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.roost_give_seqs(most bigint, above bigint) RETURNS bigint
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
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


--
-- Name: roost_lineage(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.roost_lineage() RETURNS text
    LANGUAGE plpgsql STABLE
    AS $$
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


--
-- Name: roost_number(bigint, bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.roost_number(most bigint, above bigint, OUT given bigint, OUT epoch bigint, OUT since bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
BEGIN
    SELECT e.epoch, e.since INTO epoch, since FROM roost_epoch() AS e;
    given := roost_give_seqs(most, above);
END
$$;


--
-- Name: roost_sequence(bigint, bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.roost_sequence(most bigint, above bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM roost_epoch();
    RETURN roost_give_seqs(most, above);
END
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: email_claims; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.email_claims (
    email character varying NOT NULL,
    user_id bigint NOT NULL,
    ver bigint DEFAULT 1 NOT NULL
);


--
-- Name: events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events (
    id bigint NOT NULL,
    type character varying NOT NULL,
    version bigint NOT NULL,
    aggregate bigint NOT NULL,
    payload text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    seq bigint
);


--
-- Name: events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.events ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: follows; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.follows (
    follower_id bigint NOT NULL,
    followee_id bigint NOT NULL,
    active boolean DEFAULT true NOT NULL,
    place bigint NOT NULL,
    followed_at timestamp with time zone NOT NULL,
    ver bigint DEFAULT 1 NOT NULL
);


--
-- Name: group_parts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.group_parts (
    id character varying NOT NULL,
    group_name character varying NOT NULL,
    part bigint NOT NULL,
    "position" bigint NOT NULL,
    owner character varying DEFAULT ''::character varying NOT NULL,
    leased_until timestamp with time zone NOT NULL,
    moved_at timestamp with time zone NOT NULL
);


--
-- Name: id_leases; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.id_leases (
    node bigint NOT NULL,
    owner character varying NOT NULL,
    ceiling bigint NOT NULL
);


--
-- Name: import_progress; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.import_progress (
    file character varying NOT NULL,
    fingerprint character varying NOT NULL,
    lines bigint NOT NULL,
    complete boolean DEFAULT false NOT NULL,
    updated_at timestamp with time zone NOT NULL
);


--
-- Name: imported_ids; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.imported_ids (
    id bigint NOT NULL,
    source character varying NOT NULL,
    kind character varying NOT NULL,
    external_id bigint NOT NULL,
    row_id bigint NOT NULL
);


--
-- Name: imported_ids_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.imported_ids ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.imported_ids_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: log_heads; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.log_heads (
    id bigint NOT NULL,
    seq bigint NOT NULL,
    oldest bigint DEFAULT 0 NOT NULL,
    sequenced_at timestamp with time zone NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    epoch_since bigint DEFAULT 0 NOT NULL,
    lineage text DEFAULT ''::text NOT NULL
);


--
-- Name: parked_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.parked_events (
    id bigint NOT NULL,
    group_name character varying NOT NULL,
    seq bigint NOT NULL,
    type character varying NOT NULL,
    version bigint NOT NULL,
    aggregate bigint NOT NULL,
    payload text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    attempts bigint DEFAULT 0 NOT NULL,
    next_at timestamp with time zone NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    dead boolean DEFAULT false NOT NULL
);


--
-- Name: parked_events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.parked_events ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.parked_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: reactions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.reactions (
    tweet_id bigint NOT NULL,
    user_id bigint NOT NULL,
    kind smallint NOT NULL,
    prev smallint DEFAULT 0 NOT NULL,
    reacted_at timestamp with time zone NOT NULL,
    ver bigint DEFAULT 1 NOT NULL
);


--
-- Name: schema_compatibility; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_compatibility (
    id bigint NOT NULL,
    oldest bigint NOT NULL,
    CONSTRAINT schema_compatibility_id_check CHECK ((id = 1))
);


--
-- Name: schema_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migrations (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);


--
-- Name: schema_migrations_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.schema_migrations ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.schema_migrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    key_hash bytea NOT NULL,
    device_token_hash bytea,
    device_name character varying,
    user_agent character varying,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    end_reason character varying,
    ver bigint DEFAULT 1 NOT NULL
);


--
-- Name: sign_in_limits; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sign_in_limits (
    key character varying NOT NULL,
    used bigint NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    known_until timestamp with time zone,
    expires_at timestamp with time zone NOT NULL
);


--
-- Name: tweet_stats; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tweet_stats (
    tweet_id bigint NOT NULL,
    like_count bigint DEFAULT 0 NOT NULL,
    dislike_count bigint DEFAULT 0 NOT NULL,
    revision bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='70');


--
-- Name: tweets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tweets (
    id bigint NOT NULL,
    author_id bigint NOT NULL,
    text text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone,
    ver bigint DEFAULT 1 NOT NULL
);


--
-- Name: user_stats; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_stats (
    user_id bigint NOT NULL,
    tweet_count bigint DEFAULT 0 NOT NULL,
    follower_count bigint DEFAULT 0 NOT NULL,
    following_count bigint DEFAULT 0 NOT NULL,
    ver bigint DEFAULT 1 NOT NULL,
    following_ver bigint DEFAULT 1 NOT NULL
)
WITH (fillfactor='70');


--
-- Name: username_claims; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.username_claims (
    name character varying NOT NULL,
    user_id bigint NOT NULL,
    ver bigint DEFAULT 1 NOT NULL
);


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id bigint NOT NULL,
    username character varying NOT NULL,
    name character varying NOT NULL,
    bio text DEFAULT ''::text NOT NULL,
    website_url text,
    email character varying NOT NULL,
    password_hash character varying,
    session_policy character varying DEFAULT 'MULTI_DEVICE'::character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    ver bigint DEFAULT 1 NOT NULL
);


--
-- Data for Name: email_claims; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.email_claims VALUES ('ada5@example.com', 2757907552668069888, 1);
INSERT INTO public.email_claims VALUES ('bob6@example.com', 2757907552668069890, 1);
INSERT INTO public.email_claims VALUES ('cyd7@example.com', 2757907552668069892, 1);


--
-- Data for Name: events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.events VALUES (1, 'UserSignedUp', 1, 2757907552668069888, '{"UserID":2757907552668069888,"Username":"ada5","NameVer":1}', '2026-11-02 09:00:00+00', 1);
INSERT INTO public.events VALUES (2, 'SessionStarted', 1, 2757907552668069888, '{"UserID":2757907552668069888,"SessionID":2757907552668069889}', '2026-11-02 09:00:00+00', 2);
INSERT INTO public.events VALUES (3, 'UserSignedUp', 1, 2757907552668069890, '{"UserID":2757907552668069890,"Username":"bob6","NameVer":1}', '2026-11-02 09:00:00+00', 3);
INSERT INTO public.events VALUES (4, 'SessionStarted', 1, 2757907552668069890, '{"UserID":2757907552668069890,"SessionID":2757907552668069891}', '2026-11-02 09:00:00+00', 4);
INSERT INTO public.events VALUES (5, 'UserSignedUp', 1, 2757907552668069892, '{"UserID":2757907552668069892,"Username":"cyd7","NameVer":1}', '2026-11-02 09:00:00+00', 5);
INSERT INTO public.events VALUES (6, 'SessionStarted', 1, 2757907552668069892, '{"UserID":2757907552668069892,"SessionID":2757907552668069893}', '2026-11-02 09:00:00+00', 6);
INSERT INTO public.events VALUES (7, 'UserFollowed', 1, 2757907552668069888, '{"FollowerID":2757907552668069888,"FolloweeID":2757907552668069890,"Ver":1,"FollowerVer":1,"FolloweeVer":1,"FollowingVer":1}', '2026-11-02 09:00:01+00', 7);
INSERT INTO public.events VALUES (8, 'UserFollowed', 1, 2757907552668069888, '{"FollowerID":2757907552668069888,"FolloweeID":2757907552668069892,"Ver":1,"FollowerVer":2,"FolloweeVer":1,"FollowingVer":2}', '2026-11-02 09:00:02+00', 8);
INSERT INTO public.events VALUES (9, 'UserFollowed', 1, 2757907552668069890, '{"FollowerID":2757907552668069890,"FolloweeID":2757907552668069888,"Ver":1,"FollowerVer":2,"FolloweeVer":3,"FollowingVer":2}', '2026-11-02 09:00:03+00', 9);
INSERT INTO public.events VALUES (10, 'UserFollowed', 1, 2757907552668069892, '{"FollowerID":2757907552668069892,"FolloweeID":2757907552668069888,"Ver":1,"FollowerVer":2,"FolloweeVer":4,"FollowingVer":2}', '2026-11-02 09:00:04+00', 10);
INSERT INTO public.events VALUES (11, 'TweetPosted', 1, 2757907573639589888, '{"TweetID":2757907573639589888,"AuthorID":2757907552668069888,"AuthorVer":5}', '2026-11-02 09:00:05+00', 11);
INSERT INTO public.events VALUES (12, 'TweetPosted', 1, 2757907577833893888, '{"TweetID":2757907577833893888,"AuthorID":2757907552668069890,"AuthorVer":3}', '2026-11-02 09:00:06+00', 12);
INSERT INTO public.events VALUES (13, 'TweetPosted', 1, 2757907582028197888, '{"TweetID":2757907582028197888,"AuthorID":2757907552668069892,"AuthorVer":3}', '2026-11-02 09:00:07+00', 13);
INSERT INTO public.events VALUES (14, 'TweetPosted', 1, 2757907586222501888, '{"TweetID":2757907586222501888,"AuthorID":2757907552668069888,"AuthorVer":6}', '2026-11-02 09:00:08+00', 14);
INSERT INTO public.events VALUES (15, 'TweetPosted', 1, 2757907590416805888, '{"TweetID":2757907590416805888,"AuthorID":2757907552668069890,"AuthorVer":4}', '2026-11-02 09:00:09+00', 15);
INSERT INTO public.events VALUES (16, 'TweetPosted', 1, 2757907594611109888, '{"TweetID":2757907594611109888,"AuthorID":2757907552668069892,"AuthorVer":4}', '2026-11-02 09:00:10+00', 16);
INSERT INTO public.events VALUES (17, 'TweetPosted', 1, 2757907598805413888, '{"TweetID":2757907598805413888,"AuthorID":2757907552668069888,"AuthorVer":7}', '2026-11-02 09:00:11+00', 17);
INSERT INTO public.events VALUES (18, 'TweetPosted', 1, 2757907602999717888, '{"TweetID":2757907602999717888,"AuthorID":2757907552668069890,"AuthorVer":5}', '2026-11-02 09:00:12+00', 18);
INSERT INTO public.events VALUES (19, 'TweetPosted', 1, 2757907607194021888, '{"TweetID":2757907607194021888,"AuthorID":2757907552668069892,"AuthorVer":5}', '2026-11-02 09:00:13+00', 19);
INSERT INTO public.events VALUES (20, 'ReactionSet', 1, 2757907577833893888, '{"TweetID":2757907577833893888,"UserID":2757907552668069888,"Ver":1,"Kind":1,"Prev":0,"LikeCount":1,"DislikeCount":0,"Revision":1}', '2026-11-02 09:00:14+00', 20);
INSERT INTO public.events VALUES (21, 'ReactionSet', 1, 2757907577833893888, '{"TweetID":2757907577833893888,"UserID":2757907552668069890,"Ver":1,"Kind":1,"Prev":0,"LikeCount":2,"DislikeCount":0,"Revision":2}', '2026-11-02 09:00:14+00', 21);
INSERT INTO public.events VALUES (22, 'ReactionSet', 1, 2757907577833893888, '{"TweetID":2757907577833893888,"UserID":2757907552668069892,"Ver":1,"Kind":2,"Prev":0,"LikeCount":2,"DislikeCount":1,"Revision":3}', '2026-11-02 09:00:14+00', 22);
INSERT INTO public.events VALUES (23, 'ReactionSet', 1, 2757907573639589888, '{"TweetID":2757907573639589888,"UserID":2757907552668069890,"Ver":1,"Kind":1,"Prev":0,"LikeCount":1,"DislikeCount":0,"Revision":1}', '2026-11-02 09:00:14+00', 23);
INSERT INTO public.events VALUES (24, 'ReactionSet', 1, 2757907573639589888, '{"TweetID":2757907573639589888,"UserID":2757907552668069890,"Ver":2,"Kind":2,"Prev":1,"LikeCount":0,"DislikeCount":1,"Revision":2}', '2026-11-02 09:00:14+00', 24);
INSERT INTO public.events VALUES (25, 'SessionStarted', 1, 2757907552668069890, '{"UserID":2757907552668069890,"SessionID":2757907611388325888}', '2026-11-02 09:00:14+00', 25);
INSERT INTO public.events VALUES (26, 'ProfileUpdated', 1, 2757907552668069890, '{"UserID":2757907552668069890,"Ver":2}', '2026-11-02 09:00:14+00', 26);
INSERT INTO public.events VALUES (27, 'SettingsUpdated', 1, 2757907552668069890, '{"UserID":2757907552668069890,"Ver":3,"OldUsername":"bob6","NewUsername":"bob_b","OldNameVer":2,"NewNameVer":1}', '2026-11-02 09:00:14+00', 27);
INSERT INTO public.events VALUES (28, 'SessionEnded', 1, 2757907552668069890, '{"UserID":2757907552668069890,"SessionID":2757907611388325888,"Ver":2,"Reason":"LOGGED_OUT","At":"2026-11-02T09:00:14Z"}', '2026-11-02 09:00:14+00', 28);
INSERT INTO public.events VALUES (29, 'PasswordChanged', 1, 2757907552668069890, '{"UserID":2757907552668069890,"Ver":4}', '2026-11-02 09:00:14+00', 29);
INSERT INTO public.events VALUES (30, 'TweetPosted', 1, 2757907615582629888, '{"TweetID":2757907615582629888,"AuthorID":2757907552668069890,"AuthorVer":6}', '2026-11-02 09:00:15+00', 30);
INSERT INTO public.events VALUES (31, 'TweetDeleted', 1, 2757907582028197888, '{"TweetID":2757907582028197888,"AuthorID":2757907552668069892,"Ver":2,"AuthorVer":6}', '2026-11-02 09:00:16+00', 31);
INSERT INTO public.events VALUES (32, 'UserUnfollowed', 1, 2757907552668069888, '{"FollowerID":2757907552668069888,"FolloweeID":2757907552668069892,"Ver":2,"FollowerVer":8,"FolloweeVer":7,"FollowingVer":3}', '2026-11-02 09:00:16+00', 32);
INSERT INTO public.events VALUES (33, 'RowsImported', 1, 0, '{"Source":"default","File":"users.tsv","Rows":0}', '2026-11-02 09:00:17+00', 33);
INSERT INTO public.events VALUES (34, 'SessionUsed', 1, 2757907552668069888, '{"UserID":2757907552668069888,"SessionID":2757907552668069889,"Ver":2}', '2026-11-02 09:06:17+00', 34);
INSERT INTO public.events VALUES (35, 'SessionStarted', 1, 2757907552668069890, '{"UserID":2757907552668069890,"SessionID":2757909142309875712}', '2026-11-02 09:06:19+00', 35);
INSERT INTO public.events VALUES (36, 'TweetPosted', 1, 2757909146504179712, '{"TweetID":2757909146504179712,"AuthorID":2757907552668069890,"AuthorVer":7}', '2026-11-02 09:06:20+00', 36);
INSERT INTO public.events VALUES (37, 'TweetPosted', 1, 2757909150698483712, '{"TweetID":2757909150698483712,"AuthorID":2757907552668069890,"AuthorVer":8}', '2026-11-02 09:06:21+00', 37);
INSERT INTO public.events VALUES (38, 'ReactionSet', 1, 2757909146504179712, '{"TweetID":2757909146504179712,"UserID":2757907552668069890,"Ver":1,"Kind":1,"Prev":0,"LikeCount":1,"DislikeCount":0,"Revision":1}', '2026-11-02 09:06:21+00', 38);
INSERT INTO public.events VALUES (39, 'TweetDeleted', 1, 2757909146504179712, '{"TweetID":2757909146504179712,"AuthorID":2757907552668069890,"Ver":2,"AuthorVer":9}', '2026-11-02 09:06:22+00', 39);
INSERT INTO public.events VALUES (40, 'TweetPosted', 1, 2757909154892787712, '{"TweetID":2757909154892787712,"AuthorID":2757907552668069890,"AuthorVer":10}', '2026-11-02 09:06:22+00', 40);


--
-- Data for Name: follows; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.follows VALUES (2757907552668069888, 2757907552668069890, true, 2757907556862373888, '2026-11-02 09:00:01+00', 1);
INSERT INTO public.follows VALUES (2757907552668069890, 2757907552668069888, true, 2757907565250981888, '2026-11-02 09:00:03+00', 1);
INSERT INTO public.follows VALUES (2757907552668069892, 2757907552668069888, true, 2757907569445285888, '2026-11-02 09:00:04+00', 1);
INSERT INTO public.follows VALUES (2757907552668069888, 2757907552668069892, false, 2757907561056677888, '2026-11-02 09:00:02+00', 2);


--
-- Data for Name: group_parts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.group_parts VALUES ('archive/0', 'archive', 0, 40, '', '2026-11-28 20:20:37.17359+00', '2026-11-02 09:06:23+00');
INSERT INTO public.group_parts VALUES ('archive/1', 'archive', 1, 40, '', '2026-11-28 20:20:37.132446+00', '2026-11-02 09:00:00+00');
INSERT INTO public.group_parts VALUES ('digest/0', 'digest', 0, 40, '', '2026-11-28 20:20:37.169628+00', '2026-11-02 09:06:23+00');
INSERT INTO public.group_parts VALUES ('digest/1', 'digest', 1, 40, '', '2026-11-28 20:20:37.141586+00', '2026-11-02 09:00:00+00');
INSERT INTO public.group_parts VALUES ('cache/0', 'cache', 0, 40, '', '2026-11-28 20:20:24.164669+00', '2026-11-02 09:06:23+00');


--
-- Data for Name: id_leases; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.id_leases VALUES (603, 'FJ4IASORHB6INIT2KVUQWKE2LW', 657536520000);
INSERT INTO public.id_leases VALUES (747, 'DWGQ5SHKP43XPS3RHEMDT4JHJH', 657536899000);


--
-- Data for Name: import_progress; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: imported_ids; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: log_heads; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.log_heads VALUES (1, 40, 0, '2026-11-28 20:20:22.160905+00', 224506, 0, '7713319807182961989:00000001:16560:16607');


--
-- Data for Name: parked_events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.parked_events VALUES (1, 'archive', 12, 'TweetPosted', 1, 2757907577833893888, '{"TweetID":2757907577833893888,"AuthorID":2757907552668069890,"AuthorVer":3}', '2026-11-02 09:00:06+00', 1, '2026-11-02 09:01:13+00', 'no index for event search', true);
INSERT INTO public.parked_events VALUES (3, 'archive', 14, 'TweetPosted', 1, 2757907586222501888, '{"TweetID":2757907586222501888,"AuthorID":2757907552668069888,"AuthorVer":6}', '2026-11-02 09:00:08+00', 1, '2026-11-02 09:01:14+00', 'no index for event search', true);
INSERT INTO public.parked_events VALUES (5, 'archive', 16, 'TweetPosted', 1, 2757907594611109888, '{"TweetID":2757907594611109888,"AuthorID":2757907552668069892,"AuthorVer":4}', '2026-11-02 09:00:10+00', 1, '2026-11-02 09:01:14+00', 'no index for event search', true);
INSERT INTO public.parked_events VALUES (6, 'archive', 18, 'TweetPosted', 1, 2757907602999717888, '{"TweetID":2757907602999717888,"AuthorID":2757907552668069890,"AuthorVer":5}', '2026-11-02 09:00:12+00', 1, '2026-11-02 09:01:14+00', 'no index for event search', true);
INSERT INTO public.parked_events VALUES (9, 'archive', 30, 'TweetPosted', 1, 2757907615582629888, '{"TweetID":2757907615582629888,"AuthorID":2757907552668069890,"AuthorVer":6}', '2026-11-02 09:00:15+00', 1, '2026-11-02 09:01:16+00', 'no index for event search', true);
INSERT INTO public.parked_events VALUES (2, 'digest', 12, 'TweetPosted', 1, 2757907577833893888, '{"TweetID":2757907577833893888,"AuthorID":2757907552668069890,"AuthorVer":3}', '2026-11-02 09:00:06+00', 2, '2026-11-02 09:07:17+00', 'no index for event digest', false);
INSERT INTO public.parked_events VALUES (4, 'digest', 14, 'TweetPosted', 1, 2757907586222501888, '{"TweetID":2757907586222501888,"AuthorID":2757907552668069888,"AuthorVer":6}', '2026-11-02 09:00:08+00', 2, '2026-11-02 09:07:17+00', 'no index for event digest', false);
INSERT INTO public.parked_events VALUES (7, 'digest', 16, 'TweetPosted', 1, 2757907594611109888, '{"TweetID":2757907594611109888,"AuthorID":2757907552668069892,"AuthorVer":4}', '2026-11-02 09:00:10+00', 2, '2026-11-02 09:07:17+00', 'no index for event digest', false);
INSERT INTO public.parked_events VALUES (8, 'digest', 18, 'TweetPosted', 1, 2757907602999717888, '{"TweetID":2757907602999717888,"AuthorID":2757907552668069890,"AuthorVer":5}', '2026-11-02 09:00:12+00', 2, '2026-11-02 09:07:17+00', 'no index for event digest', false);
INSERT INTO public.parked_events VALUES (10, 'digest', 30, 'TweetPosted', 1, 2757907615582629888, '{"TweetID":2757907615582629888,"AuthorID":2757907552668069890,"AuthorVer":6}', '2026-11-02 09:00:15+00', 2, '2026-11-02 09:07:17+00', 'no index for event digest', false);
INSERT INTO public.parked_events VALUES (11, 'digest', 36, 'TweetPosted', 1, 2757909146504179712, '{"TweetID":2757909146504179712,"AuthorID":2757907552668069890,"AuthorVer":7}', '2026-11-02 09:06:20+00', 1, '2026-11-02 09:07:22+00', 'no index for event digest', false);
INSERT INTO public.parked_events VALUES (12, 'archive', 36, 'TweetPosted', 1, 2757909146504179712, '{"TweetID":2757909146504179712,"AuthorID":2757907552668069890,"AuthorVer":7}', '2026-11-02 09:06:20+00', 1, '2026-11-02 09:07:22+00', 'no index for event search', true);
INSERT INTO public.parked_events VALUES (13, 'digest', 40, 'TweetPosted', 1, 2757909154892787712, '{"TweetID":2757909154892787712,"AuthorID":2757907552668069890,"AuthorVer":10}', '2026-11-02 09:06:22+00', 1, '2026-11-02 09:07:23+00', 'no index for event digest', false);
INSERT INTO public.parked_events VALUES (14, 'archive', 40, 'TweetPosted', 1, 2757909154892787712, '{"TweetID":2757909154892787712,"AuthorID":2757907552668069890,"AuthorVer":10}', '2026-11-02 09:06:22+00', 1, '2026-11-02 09:07:23+00', 'no index for event search', true);


--
-- Data for Name: reactions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.reactions VALUES (2757907577833893888, 2757907552668069888, 1, 0, '2026-11-02 09:00:14+00', 1);
INSERT INTO public.reactions VALUES (2757907577833893888, 2757907552668069890, 1, 0, '2026-11-02 09:00:14+00', 1);
INSERT INTO public.reactions VALUES (2757907577833893888, 2757907552668069892, 2, 0, '2026-11-02 09:00:14+00', 1);
INSERT INTO public.reactions VALUES (2757907573639589888, 2757907552668069890, 2, 1, '2026-11-02 09:00:14+00', 2);
INSERT INTO public.reactions VALUES (2757909146504179712, 2757907552668069890, 1, 0, '2026-11-02 09:06:21+00', 1);


--
-- Data for Name: schema_compatibility; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.schema_compatibility VALUES (1, 5);


--
-- Data for Name: schema_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.schema_migrations VALUES (1, 0, true, '2026-11-28 19:33:41.556119');
INSERT INTO public.schema_migrations VALUES (2, 1, true, '2026-11-28 19:33:41.579088');
INSERT INTO public.schema_migrations VALUES (3, 2, true, '2026-11-28 19:33:41.687302');
INSERT INTO public.schema_migrations VALUES (4, 3, true, '2026-11-28 19:33:41.6886');
INSERT INTO public.schema_migrations VALUES (5, 5, true, '2026-11-28 19:33:41.690336');
INSERT INTO public.schema_migrations VALUES (6, 6, true, '2026-11-28 19:33:41.69699');
INSERT INTO public.schema_migrations VALUES (7, 7, true, '2026-11-28 19:33:41.705032');


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sessions VALUES (2757907552668069891, 2757907552668069890, '\x89acd97f78a8b328d65799cc35a9c64356b36f5f04613a754795d67b7f8014cc', NULL, NULL, 'Go-http-client/1.1', '2026-11-02 09:00:00+00', '2026-12-02 09:00:00+00', '2026-11-02 09:00:00+00', NULL, NULL, 1);
INSERT INTO public.sessions VALUES (2757907552668069893, 2757907552668069892, '\xb5df1187435786eb065842211a8ab143b4f6d90d69a2c17f9686094295c33060', NULL, NULL, 'Go-http-client/1.1', '2026-11-02 09:00:00+00', '2026-12-02 09:00:00+00', '2026-11-02 09:00:00+00', NULL, NULL, 1);
INSERT INTO public.sessions VALUES (2757907611388325888, 2757907552668069890, '\xbcb14ab54d0f4ebcab22203f96c3bc30f4847b3dbe40acf596f0b7e274f69363', NULL, NULL, 'Go-http-client/1.1', '2026-11-02 09:00:14+00', '2026-12-02 09:00:14+00', '2026-11-02 09:00:14+00', '2026-11-02 09:00:14+00', 'LOGGED_OUT', 2);
INSERT INTO public.sessions VALUES (2757907552668069889, 2757907552668069888, '\x3ad79f87cb928b97e0a502c49c344e71ef336ed4fb4b87efeab6f6bebb6e721a', NULL, NULL, 'Go-http-client/1.1', '2026-11-02 09:00:00+00', '2026-12-02 09:06:17+00', '2026-11-02 09:06:17+00', NULL, NULL, 2);
INSERT INTO public.sessions VALUES (2757909142309875712, 2757907552668069890, '\xf1c3809f76950149d1367dc472337da7934f5caf644b73c4595978ec52c15b41', NULL, NULL, 'Go-http-client/1.1', '2026-11-02 09:06:19+00', '2026-12-02 09:06:19+00', '2026-11-02 09:06:19+00', NULL, NULL, 1);


--
-- Data for Name: sign_in_limits; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: tweet_stats; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tweet_stats VALUES (2757907577833893888, 2, 1, 3);
INSERT INTO public.tweet_stats VALUES (2757907573639589888, 0, 1, 2);
INSERT INTO public.tweet_stats VALUES (2757909146504179712, 1, 0, 1);


--
-- Data for Name: tweets; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tweets VALUES (2757907573639589888, 2757907552668069888, 'tweet 0 of ada5', '2026-11-02 09:00:05+00', NULL, 1);
INSERT INTO public.tweets VALUES (2757907577833893888, 2757907552668069890, 'tweet 0 of bob6', '2026-11-02 09:00:06+00', NULL, 1);
INSERT INTO public.tweets VALUES (2757907586222501888, 2757907552668069888, 'tweet 1 of ada5', '2026-11-02 09:00:08+00', NULL, 1);
INSERT INTO public.tweets VALUES (2757907590416805888, 2757907552668069890, 'tweet 1 of bob6', '2026-11-02 09:00:09+00', NULL, 1);
INSERT INTO public.tweets VALUES (2757907594611109888, 2757907552668069892, 'tweet 1 of cyd7', '2026-11-02 09:00:10+00', NULL, 1);
INSERT INTO public.tweets VALUES (2757907598805413888, 2757907552668069888, 'tweet 2 of ada5', '2026-11-02 09:00:11+00', NULL, 1);
INSERT INTO public.tweets VALUES (2757907602999717888, 2757907552668069890, 'tweet 2 of bob6', '2026-11-02 09:00:12+00', NULL, 1);
INSERT INTO public.tweets VALUES (2757907607194021888, 2757907552668069892, 'tweet 2 of cyd7', '2026-11-02 09:00:13+00', NULL, 1);
INSERT INTO public.tweets VALUES (2757907615582629888, 2757907552668069890, 'after the cursor', '2026-11-02 09:00:15+00', NULL, 1);
INSERT INTO public.tweets VALUES (2757907582028197888, 2757907552668069892, 'tweet 0 of cyd7', '2026-11-02 09:00:07+00', '2026-11-02 09:00:16+00', 2);
INSERT INTO public.tweets VALUES (2757909150698483712, 2757907552668069890, 'second after the second cursor', '2026-11-02 09:06:21+00', NULL, 1);
INSERT INTO public.tweets VALUES (2757909146504179712, 2757907552668069890, 'first after the second cursor', '2026-11-02 09:06:20+00', '2026-11-02 09:06:22+00', 2);
INSERT INTO public.tweets VALUES (2757909154892787712, 2757907552668069890, 'third after the second cursor', '2026-11-02 09:06:22+00', NULL, 1);


--
-- Data for Name: user_stats; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.user_stats VALUES (2757907552668069888, 3, 2, 1, 8, 3);
INSERT INTO public.user_stats VALUES (2757907552668069892, 2, 0, 1, 7, 2);
INSERT INTO public.user_stats VALUES (2757907552668069890, 6, 1, 1, 10, 2);


--
-- Data for Name: username_claims; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.username_claims VALUES ('ada5', 2757907552668069888, 1);
INSERT INTO public.username_claims VALUES ('cyd7', 2757907552668069892, 1);
INSERT INTO public.username_claims VALUES ('bob_b', 2757907552668069890, 1);
INSERT INTO public.username_claims VALUES ('bob6', 0, 2);


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users VALUES (2757907552668069888, 'ada5', 'ada5', '', NULL, 'ada5@example.com', '$argon2id$v=19$m=64,t=1,p=1$710OmpGYm1Gb+Uk5zS5r5A$gtVpGpxjnDKHSW3vwCY9g1PjnBvFLKGz5YTF1MKa4uc', 'MULTI_DEVICE', '2026-11-02 09:00:00+00', 1);
INSERT INTO public.users VALUES (2757907552668069892, 'cyd7', 'cyd7', '', NULL, 'cyd7@example.com', '$argon2id$v=19$m=64,t=1,p=1$krkQ212SfyaUSboJUm0Vfg$SVdeJZi4P3ce2EEpEdWQ/n1eHVSwlLDewPV8j2eq6ac', 'MULTI_DEVICE', '2026-11-02 09:00:00+00', 1);
INSERT INTO public.users VALUES (2757907552668069890, 'bob_b', 'Bob B.', 'says little', 'https://bob.example', 'bob6@example.com', '$argon2id$v=19$m=64,t=1,p=1$92SaJAMZ/bMqC3OWGAU0gQ$3AViEQFVaSHFOzIOM4cNI+H180PCl1kG5dHtMibUS2g', 'MULTI_DEVICE', '2026-11-02 09:00:00+00', 4);


--
-- Name: events_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.events_id_seq', 40, true);


--
-- Name: imported_ids_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.imported_ids_id_seq', 1, false);


--
-- Name: parked_events_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.parked_events_id_seq', 14, true);


--
-- Name: schema_migrations_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.schema_migrations_id_seq', 7, true);


--
-- Name: email_claims email_claims_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.email_claims
    ADD CONSTRAINT email_claims_pkey PRIMARY KEY (email);


--
-- Name: events events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);


--
-- Name: follows follows_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.follows
    ADD CONSTRAINT follows_pkey PRIMARY KEY (follower_id, followee_id);


--
-- Name: group_parts group_parts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.group_parts
    ADD CONSTRAINT group_parts_pkey PRIMARY KEY (id);


--
-- Name: id_leases id_leases_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.id_leases
    ADD CONSTRAINT id_leases_pkey PRIMARY KEY (node);


--
-- Name: import_progress import_progress_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.import_progress
    ADD CONSTRAINT import_progress_pkey PRIMARY KEY (file);


--
-- Name: imported_ids imported_ids_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.imported_ids
    ADD CONSTRAINT imported_ids_pkey PRIMARY KEY (id);


--
-- Name: log_heads log_heads_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.log_heads
    ADD CONSTRAINT log_heads_pkey PRIMARY KEY (id);


--
-- Name: parked_events parked_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.parked_events
    ADD CONSTRAINT parked_events_pkey PRIMARY KEY (id);


--
-- Name: reactions reactions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reactions
    ADD CONSTRAINT reactions_pkey PRIMARY KEY (tweet_id, user_id);


--
-- Name: schema_compatibility schema_compatibility_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_compatibility
    ADD CONSTRAINT schema_compatibility_pkey PRIMARY KEY (id);


--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (id);


--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);


--
-- Name: sign_in_limits sign_in_limits_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sign_in_limits
    ADD CONSTRAINT sign_in_limits_pkey PRIMARY KEY (key);


--
-- Name: tweet_stats tweet_stats_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tweet_stats
    ADD CONSTRAINT tweet_stats_pkey PRIMARY KEY (tweet_id);


--
-- Name: tweets tweets_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tweets
    ADD CONSTRAINT tweets_pkey PRIMARY KEY (id);


--
-- Name: user_stats user_stats_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_stats
    ADD CONSTRAINT user_stats_pkey PRIMARY KEY (user_id);


--
-- Name: username_claims username_claims_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.username_claims
    ADD CONSTRAINT username_claims_pkey PRIMARY KEY (name);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);


--
-- Name: events_seq; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX events_seq ON public.events USING btree (seq);


--
-- Name: events_timeline; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_timeline ON public.events USING btree (seq) WHERE ((type)::text = ANY (ARRAY[('TweetPosted'::character varying)::text, ('TweetDeleted'::character varying)::text, ('UserFollowed'::character varying)::text, ('UserUnfollowed'::character varying)::text, ('RowsImported'::character varying)::text]));


--
-- Name: events_unsequenced; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_unsequenced ON public.events USING btree (id) WHERE (seq IS NULL);


--
-- Name: follows_followers; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX follows_followers ON public.follows USING btree (followee_id, place, follower_id) WHERE active;


--
-- Name: follows_following; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX follows_following ON public.follows USING btree (follower_id, place, followee_id) WHERE active;


--
-- Name: group_parts_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX group_parts_key ON public.group_parts USING btree (group_name, part);


--
-- Name: imported_ids_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX imported_ids_key ON public.imported_ids USING btree (source, kind, external_id);


--
-- Name: parked_events_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX parked_events_key ON public.parked_events USING btree (group_name, seq);


--
-- Name: parked_events_waiting; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX parked_events_waiting ON public.parked_events USING btree (group_name, aggregate, seq) WHERE (NOT dead);


--
-- Name: sessions_live; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_live ON public.sessions USING btree (user_id, expires_at) WHERE (ended_at IS NULL);


--
-- Name: sessions_of_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_of_user ON public.sessions USING btree (user_id, id);


--
-- Name: sign_in_limits_expired; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sign_in_limits_expired ON public.sign_in_limits USING btree (expires_at);


--
-- Name: tweets_of_author; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tweets_of_author ON public.tweets USING btree (author_id, id) WHERE (deleted_at IS NULL);


--
-- PostgreSQL database dump complete
--


