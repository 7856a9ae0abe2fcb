// The client against a started server: types at compile time, behaviour here.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import {
  codeOf,
  connect,
  CreateTweet,
  DeleteTweet,
  done,
  FollowUser,
  Me,
  Profile,
  ReactionsChanged,
  retryAfter,
  type Roost,
  SessionEnded,
  SetReaction,
  type TimelineView,
  TweetReactions,
  UnfollowUser,
} from "@roost/client";
import { newcomer, RoostServer, until, warnings } from "@roost/testserver";
import { buildSchema, lexicographicSortSchema, printSchema } from "graphql";
import WebSocket from "ws";
import { tour } from "../src/tour.js";

let server: RoostServer;
const warned = warnings();
before(async () => {
  server = await RoostServer.start();
});
after(async () => {
  await server.stop();
  assert.deepEqual(warned, [], "the development build of Apollo Client has nothing to complain about");
});

/** Somebody new, signed in, who leaves with the test. */
async function somebody(t: { after(fn: () => void): void }): Promise<{ roost: Roost; id: string; username: string }> {
  const roost = connect({ url: server.url, auth: "key", webSocket: WebSocket });
  t.after(() => roost.close());
  const { user } = done(await roost.signUp(newcomer())).viewer;
  return { roost, id: user.id, username: user.username };
}

async function tweet(roost: Roost, text: string): Promise<string> {
  return done(await roost.act(CreateTweet, { input: { text } })).tweet.id;
}

/** What must not compile: documents know their variables and their answers. */
export async function misuse(roost: Roost): Promise<void> {
  // @ts-expect-error there is no such reaction
  await roost.act(SetReaction, { input: { subjectId: "", reaction: "LOVE" } });
  // @ts-expect-error the variables are not optional
  await roost.act(SetReaction);
  // @ts-expect-error nobody may be signed in
  (await roost.query(Me)).viewer.email;
  // @ts-expect-error it may have been refused
  (await roost.act(CreateTweet, { input: { text: "" } })).value;
}

/** A home timeline that a test looks at. */
function followed(t: { after(fn: () => void): void }, roost: Roost, first = 20) {
  const seen: { view: TimelineView | undefined; errors: unknown[] } = { view: undefined, errors: [] };
  const timeline = roost.homeTimeline({
    first,
    onChange: (view) => (seen.view = view),
    onError: (error) => seen.errors.push(error),
  });
  t.after(() => timeline.close());
  const texts = (): string[] | undefined => seen.view?.entries.map(({ node }) => node.text);
  const shows = (what: string, ...want: string[]): Promise<void> =>
    until(what, () => JSON.stringify(texts()) === JSON.stringify(want)).catch((error: unknown) => {
      throw new Error(`want ${JSON.stringify(want)}, got ${JSON.stringify(texts())}`, { cause: error });
    });
  return { timeline, seen, texts, shows };
}

test("the schema that is served is the one that the client was generated from", async () => {
  const served = await (await fetch(`${server.url}/schema.graphqls`)).text();
  const used = await readFile(new URL("../../../../schema.graphqls", import.meta.url), "utf8");
  const canonical = (sdl: string): string => printSchema(lexicographicSortSchema(buildSchema(sdl)));
  assert.equal(canonical(served), canonical(used));
});

test("the tour", async () => {
  const lines: string[] = [];
  await tour(server.url, (line) => lines.push(line));
  assert.match(lines.join("\n"), /^signed up as @tour_\w+\n/);
  assert.deepEqual(lines.slice(1), [
    "a second time: input.username is TAKEN, input.email is TAKEN",
    'paged through 5 tweets, from "Tweet 1 of the tour"',
    '"Live from the tour" came in on top',
    "liked: LIKE",
    "deleted, and gone from the timeline",
    "with the old key: UNAUTHENTICATED",
  ]);
});

test("refusals are results, failures have codes", async (t) => {
  const { roost } = await somebody(t);
  const refused = await roost.act(CreateTweet, { input: { text: " " } });
  assert.equal(refused.ok, false);
  assert.deepEqual(
    refused.ok ? [] : refused.userErrors.map(({ code, path }) => ({ code, path })),
    [{ code: "REQUIRED", path: ["input", "text"] }],
  );
  const nobody = connect({ url: server.url, auth: "key", webSocket: WebSocket });
  t.after(() => nobody.close());
  await assert.rejects(nobody.act(CreateTweet, { input: { text: "x" } }), (error) => codeOf(error) === "UNAUTHENTICATED");
  assert.equal((await nobody.query(Me)).viewer, null);
  assert.equal(retryAfter(new Error("another")), undefined);
});

test("a key signs in elsewhere, and ends with the session", async (t) => {
  const account = newcomer();
  const roost = connect({ url: server.url, auth: "key", webSocket: WebSocket });
  t.after(() => roost.close());
  done(await roost.signUp(account));
  const elsewhere = connect({ url: server.url, auth: "key", key: roost.key, webSocket: WebSocket });
  t.after(() => elsewhere.close());
  assert.equal((await elsewhere.query(Me)).viewer?.user.username, account.username);

  const news: string[] = [];
  let failure: unknown;
  elsewhere.subscribe(SessionEnded).subscribe({
    next: ({ sessionEnded }) => news.push(sessionEnded.reason),
    error: () => {}, // the socket is closed behind the event
  });
  const { seen, shows } = followed(t, elsewhere);
  await until("the timeline is read", () => seen.view !== undefined);
  // An event shows that the socket is open. A session that ends before its socket opens is refused, and hears no reason.
  await tweet(roost, "live");
  await shows("live updates come", "live");
  done(await roost.logOut());
  assert.equal(roost.key, undefined);
  await until("the session's end is told", () => news.length === 1);
  assert.deepEqual(news, ["LOGGED_OUT"]);
  await until("the timeline ends", () => seen.errors.length > 0);
  [failure] = seen.errors;
  assert.equal(codeOf(failure), "UNAUTHENTICATED");

  assert.equal((await roost.logIn({ login: account.username, password: "wrong horse" })).ok, false);
  done(await roost.logIn({ login: account.email, password: account.password }));
  assert.equal((await roost.query(Me)).viewer?.user.username, account.username);
});

test("counts in the cache follow the server, and never go back", async (t) => {
  const [author, fan] = [await somebody(t), await somebody(t)];
  const id = await tweet(author.roost, "Count me");
  const profile = author.roost.apollo.watchQuery({ query: Profile, variables: { username: author.username } });
  let likes: number | undefined;
  const watching = profile.subscribe(({ data, dataState }) => {
    likes = dataState === "complete" ? data.user?.timeline.edges[0]?.node.reactions.likeCount : undefined;
  });
  t.after(() => watching.unsubscribe());
  await until("the profile is read", () => likes === 0);

  t.after(author.roost.liveReactions([id], (error) => assert.fail(String(error))));
  done(await fan.roost.act(SetReaction, { input: { subjectId: id, reaction: "LIKE" } }));
  await until("the like arrives", () => likes === 1);

  const cache = author.roost.apollo.cache;
  const fragment = { fragment: TweetReactions, fragmentName: "TweetReactions", id: `Tweet:${id}` };
  const now = cache.readFragment(fragment);
  assert.ok(now);
  cache.writeFragment({ ...fragment, data: { ...now, reactions: { ...now.reactions, likeCount: 0, revision: now.reactions.revision - 1 } } });
  assert.equal(cache.readFragment(fragment)?.reactions.likeCount, 1, "an older summary is not put over a newer one");
});

test("the home timeline pages and moves", async (t) => {
  const [reader, author] = [await somebody(t), await somebody(t)];
  for (const text of ["1", "2", "3", "4", "5"]) {
    await tweet(author.roost, text);
  }
  const { timeline, seen, shows } = followed(t, reader.roost, 2);
  await shows("it begins empty");

  done(await reader.roost.act(FollowUser, { input: { userId: author.id } }));
  await shows("a reset after the follow", "5", "4");
  assert.equal(await timeline.more(), true);
  await tweet(author.roost, "6");
  assert.equal(await timeline.more(), false);
  await shows("pages below, news above", "6", "5", "4", "3", "2", "1");
  assert.equal(seen.view?.hasNextPage, false);
  assert.equal(await timeline.more(), false);

  const gone = seen.view?.entries[2]?.node.id ?? "";
  done(await author.roost.act(DeleteTweet, { input: { tweetId: gone } }));
  await shows("a deletion", "6", "5", "3", "2", "1");

  const own = done(await reader.roost.act(CreateTweet, { input: { text: "mine" } })).timelineEdge;
  timeline.put(own);
  timeline.put(own);
  await shows("one's own, once", "mine", "6", "5", "3", "2", "1");

  done(await reader.roost.act(UnfollowUser, { input: { userId: author.id } }));
  await shows("a reset after the end of the follow", "mine");
  assert.deepEqual(seen.errors, []);
});

test("a timeline may be closed by its own listener, and is not heard of again", async (t) => {
  const { roost } = await somebody(t);
  let calls = 0;
  const timeline = roost.homeTimeline({
    onChange: () => {
      calls++;
      timeline.close();
    },
    onError: (error) => assert.fail(String(error)),
  });
  await until("it is read", () => calls > 0);
  await tweet(roost, "unheard");
  assert.equal(await timeline.more(), false);
  assert.equal(calls, 1);
});

test("a timeline that is not live tells of entries only, and the cache of its tweets", async (t) => {
  const [reader, fan] = [await somebody(t), await somebody(t)];
  const id = await tweet(reader.roost, "quiet");
  const told: number[] = [];
  const timeline = reader.roost.homeTimeline({ live: false, onChange: ({ entries }) => told.push(entries.length) });
  t.after(() => timeline.close());
  await until("it is read", () => told.length === 1);
  let changes = 0;
  t.after(reader.roost.tweets.watch(id, () => changes++));
  t.after(reader.roost.liveReactions([id], (error) => assert.fail(String(error))));
  done(await fan.roost.act(SetReaction, { input: { subjectId: id, reaction: "LIKE" } }));
  await until("the cache has the like", () => reader.roost.tweets.read(id)?.reactions?.likeCount === 1);
  assert.ok(changes > 0);
  const state = reader.roost.tweets.read(id);
  assert.equal(reader.roost.tweets.read(id), state, "the same object until it changes");
  await tweet(reader.roost, "another");
  await until("an entry has come", () => told.at(-1) === 2);
  assert.deepEqual(told, [1, 2], "the like was not told");
});

test("another session on the same client starts afresh", async (t) => {
  const { roost } = await somebody(t);
  await tweet(roost, "of the first");
  const { shows, timeline } = followed(t, roost);
  await shows("the first one's", "of the first");
  timeline.close();
  done(await roost.signUp(newcomer()));
  const second = followed(t, roost);
  await second.shows("nothing of the first");
  await tweet(roost, "of the second");
  await second.shows("the second one's", "of the second");
});

test("one subscription of some tweets sends the state of each first", async (t) => {
  const { roost } = await somebody(t);
  const ids = [await tweet(roost, "a"), await tweet(roost, "b")];
  const got = new Set<string>();
  const updates = roost.subscribe(ReactionsChanged, { subjectIds: ids }).subscribe((data) => got.add(data.reactionsChanged.id));
  t.after(() => updates.unsubscribe());
  await until("both have come", () => got.size === 2);
});
