// What a reader has scrolled through stays there, whatever happens to the server, the connection or single events; and nothing
// that was posted meanwhile is missing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  connect,
  CreateTweet,
  DeleteTweet,
  done,
  FollowUser,
  Me,
  type Roost,
  SetReaction,
  type TimelineView,
  TweetReactions,
} from "@roost/client";
import { newcomer, RoostServer, until, warnings } from "@roost/testserver";
import WebSocket from "ws";

const warned = warnings();
let server: RoostServer;
before(async () => {
  server = await RoostServer.start();
});
after(async () => {
  await server.stop();
  assert.deepEqual(warned, [], "the development build of Apollo Client has nothing to complain about");
});

interface Test {
  after(fn: () => void): void;
}

/** What a socket makes of a message of the server: text to hand on, nothing, or "cut" to break the connection instead. */
type Fault = (message: { id: string; type: string; payload: any }) => string | undefined;

/** A WebSocket whose messages from the server a test may spoil. */
function spoiled(fault: { now: Fault | undefined }): typeof WebSocket {
  return class extends WebSocket {
    override emit(event: string, ...args: any[]): boolean {
      const spoil = fault.now;
      if (event === "message" && spoil) {
        const made = spoil(JSON.parse(String(args[0])));
        if (made === "cut") {
          this.terminate();
          return true;
        }
        if (made === undefined) {
          return true;
        }
        args[0] = Buffer.from(made);
      }
      return super.emit(event, ...args);
    }
  } as typeof WebSocket;
}

/** A reader who follows an author, and a timeline that was scrolled through. */
async function reader(t: Test, posts: number, webSocket: typeof WebSocket = WebSocket) {
  const sign = async (socket: typeof WebSocket): Promise<{ roost: Roost; id: string }> => {
    const roost = connect({ url: server.url, auth: "key", webSocket: socket });
    t.after(() => roost.close());
    return { roost, id: done(await roost.signUp(newcomer())).viewer.user.id };
  };
  const [{ roost }, author] = [await sign(webSocket), await sign(WebSocket)];
  done(await roost.act(FollowUser, { input: { userId: author.id } }));
  const posted: string[] = [];
  const ids: string[] = [];
  const post = async (text: string): Promise<string> => {
    const { id } = done(await author.roost.act(CreateTweet, { input: { text } })).tweet;
    posted.unshift(text);
    ids.unshift(id);
    return id;
  };
  for (let i = 0; i < posts; i++) {
    await post(`tweet ${i}`);
  }
  let view: TimelineView | undefined;
  let shortest = Infinity;
  const errors: unknown[] = [];
  const timeline = roost.homeTimeline({
    onChange: (now) => {
      view = now;
      shortest = Math.min(shortest, now.entries.length);
    },
    onError: (error) => errors.push(error),
  });
  t.after(() => timeline.close());
  await until("the timeline is read", () => view !== undefined);
  while (await timeline.more()) {
    // to the end
  }
  const texts = (): string[] => (view?.entries ?? []).map(({ node }) => node.text);
  const shows = (what: string): Promise<void> =>
    until(what, () => texts().join() === posted.join()).catch((error: unknown) => {
      throw new Error(`${what}: want ${posted.join()}, got ${texts().join()}`, { cause: error });
    });
  await shows("all of it is read");
  await until("live updates have begun", () => roost.connection === "open");
  shortest = Infinity;
  return { roost, author: author.roost, timeline, post, posted, ids, texts, shows, errors, shortest: () => shortest };
}

for (const [how, end] of [
  ["a graceful restart", () => server.shutDown()],
  ["a crash", () => server.kill()],
] as const) {
  test(`a list of 80 stays through ${how}`, async (t) => {
    const { roost, post, shows, errors, shortest } = await reader(t, 80);
    const states: string[] = [];
    t.after(roost.onConnection(() => states.push(roost.connection)));
    await end();
    await until("the loss is noticed", () => roost.connection === "waiting");
    await server.restart();
    await post("while the reader is away");
    await until("the reader is back", () => roost.connection === "open");
    await post("when the reader is back");
    await shows("what was missed is on top of what was there");
    assert.ok(shortest() >= 80, `the list was cut to ${shortest()}`);
    assert.deepEqual(errors, []);
    assert.deepEqual(states, ["waiting", "open"]);
  });
}

test("a reset reads as far down as the reader was", async (t) => {
  const { roost, post, posted, shows, shortest, errors } = await reader(t, 130);
  const other = connect({ url: server.url, auth: "key", webSocket: WebSocket });
  t.after(() => other.close());
  const { user } = done(await other.signUp(newcomer())).viewer;
  done(await other.act(CreateTweet, { input: { text: "by somebody new" } }));
  posted.unshift("by somebody new");
  done(await roost.act(FollowUser, { input: { userId: user.id } }));
  await shows("the newly followed come in");
  await post("after the reset");
  await shows("events come again");
  assert.ok(shortest() >= 130, `the list was cut to ${shortest()}`);
  assert.deepEqual(errors, []);
});

const isEvent: (message: { type: string; payload: any }) => boolean = ({ type, payload }) =>
  type === "next" && payload?.data?.homeTimelineEvents !== undefined;
const failure = [{ message: "the database cannot be reached", extensions: { code: "UNAVAILABLE", retryAfter: 1 } }];

for (const [what, spoil, reported] of [
  ["comes as null with errors", ({ id }) => JSON.stringify({ id, type: "next", payload: { data: { homeTimelineEvents: null }, errors: failure } }), true],
  ["comes with errors beside its data", ({ id, payload }) => JSON.stringify({ id, type: "next", payload: { ...payload, errors: failure } }), true],
  ["becomes an error that ends the operation", ({ id }) => JSON.stringify({ id, type: "error", payload: failure }), true],
  ["becomes the end of the operation", ({ id }) => JSON.stringify({ id, type: "complete" }), false],
  ["is lost with its connection", () => "cut", false],
] as const satisfies readonly (readonly [string, Fault, boolean])[]) {
  test(`there is no hole when an event ${what}`, async (t) => {
    const fault: { now: Fault | undefined } = { now: undefined };
    const { post, shows, errors, shortest, author, ids, posted } = await reader(t, 45, spoiled(fault));
    fault.now = (message) => {
      if (!isEvent(message)) {
        return JSON.stringify(message);
      }
      fault.now = undefined; // once
      return spoil(message);
    };
    await post("the one that is spoiled");
    await until("it was spoiled", () => fault.now === undefined);
    await post("the one behind it");
    done(await author.act(DeleteTweet, { input: { tweetId: ids[5] ?? "" } }));
    posted.splice(5, 1);
    await shows("nothing is missing");
    await post("live again");
    await shows("events come again");
    assert.ok(shortest() >= 44, `the list was cut to ${shortest()}`);
    assert.equal(errors.length > 0, reported, String(errors));
  });
}

test("counts are right again after an error", async (t) => {
  const fault: { now: Fault | undefined } = { now: undefined };
  const { roost, author, ids } = await reader(t, 1, spoiled(fault));
  const id = ids[0] ?? "";
  const likes = (): number | undefined =>
    roost.apollo.cache.readFragment({ fragment: TweetReactions, fragmentName: "TweetReactions", id: `Tweet:${id}` })?.reactions.likeCount;
  const errors: unknown[] = [];
  let begun = false;
  fault.now = (message) => {
    begun ||= message.type === "next" && message.payload?.data?.reactionsChanged !== undefined;
    return JSON.stringify(message);
  };
  t.after(roost.liveReactions([id], (error) => errors.push(error)));
  await until("the counts have come", () => begun);
  fault.now = (message) => {
    fault.now = undefined;
    return JSON.stringify({ id: message.id, type: "error", payload: failure });
  };
  done(await author.act(SetReaction, { input: { subjectId: id, reaction: "LIKE" } }));
  await until("the like is there", () => likes() === 1);
  assert.equal(errors.length, 1);
});

test("what is mounted follows whoever signs in", async (t) => {
  const roost = connect({ url: server.url, auth: "key", webSocket: WebSocket });
  t.after(() => roost.close());
  // A mounted hook is a watched query.
  let who: string | null | undefined;
  const watching = roost.apollo.watchQuery({ query: Me }).subscribe(({ data, dataState }) => {
    who = dataState === "complete" ? (data.viewer?.user.username ?? null) : undefined;
  });
  t.after(() => watching.unsubscribe());
  let view: TimelineView | undefined;
  const errors: unknown[] = [];
  const timeline = roost.homeTimeline({ onChange: (now) => (view = now), onError: (error) => errors.push(error) });
  t.after(() => timeline.close());
  await until("nobody is signed in", () => who === null && view?.entries.length === 0);
  for (const account of [newcomer(), newcomer()]) {
    done(await roost.signUp(account));
    await until(`${account.username} is signed in`, () => who === account.username);
    const text = `by ${account.username}`;
    done(await roost.act(CreateTweet, { input: { text } }));
    await until("the timeline moves", () => view?.entries.length === 1 && view.entries[0]?.node.text === text);
    done(await roost.logOut());
    await until("nobody is signed in again", () => who === null && view?.entries.length === 0);
    done(await roost.logIn({ login: account.username, password: account.password }));
    await until("signed in again", () => who === account.username && view?.entries[0]?.node.text === text);
  }
  assert.deepEqual(errors, []);
});
