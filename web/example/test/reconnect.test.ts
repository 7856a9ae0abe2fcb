// A server that is killed: what was subscribed is subscribed again, and nothing is missed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, CreateTweet, done, FollowUser, SetReaction, type TimelineView, TweetReactions } from "@roost/client";
import { newcomer, RoostServer, until } from "@roost/testserver";
import WebSocket from "ws";

test("subscriptions outlive a kill of the server", async (t) => {
  const server = await RoostServer.start();
  t.after(() => server.stop());
  const client = () => {
    const roost = connect({ url: server.url, auth: "key", webSocket: WebSocket });
    t.after(() => roost.close());
    return roost;
  };
  const [reader, author] = [client(), client()];
  done(await reader.signUp(newcomer()));
  const { user } = done(await author.signUp(newcomer())).viewer;
  done(await reader.act(FollowUser, { input: { userId: user.id } }));
  const post = async (text: string): Promise<string> =>
    done(await author.act(CreateTweet, { input: { text } })).tweet.id;

  const first = await post("before");
  let view: TimelineView | undefined;
  const errors: unknown[] = [];
  const timeline = reader.homeTimeline({ onChange: (now) => (view = now), onError: (error) => errors.push(error) });
  t.after(() => timeline.close());
  reader.liveReactions([first], (error) => errors.push(error));
  const texts = (): string => (view?.entries ?? []).map(({ node }) => node.text).join(" ");
  const likes = (): number | undefined =>
    reader.apollo.cache.readFragment({ fragment: TweetReactions, fragmentName: "TweetReactions", id: `Tweet:${first}` })
      ?.reactions.likeCount;
  await until("the timeline is read", () => texts() === "before");

  for (const round of [1, 2]) {
    await server.kill();
    await server.restart();
    // The reader is not back yet, or just about: what happens now comes by the read or by an event.
    const posted: string[] = [];
    for (let i = 0; i < 10; i++) {
      posted.push(`${round}.${i}`);
      await post(`${round}.${i}`);
    }
    done(await author.act(SetReaction, { input: { subjectId: first, reaction: round === 1 ? "LIKE" : "NONE" } }));
    await until(`round ${round}: all tweets are there`, () => posted.every((text) => texts().includes(text)));
    await until(`round ${round}: the counts are there`, () => likes() === (round === 1 ? 1 : 0));

    await post(`live${round}`);
    await until(`round ${round}: events come again`, () => texts().startsWith(`live${round} `));
  }
  const seen = texts().split(" ");
  assert.equal(new Set(seen).size, seen.length, "nothing is there twice");
  const newestFirst = [..."98765432109876543210"].map((digit, i) => `${i < 10 ? 2 : 1}.${digit}`);
  const all = ["live2", ...newestFirst.slice(0, 10), "live1", ...newestFirst.slice(10), "before"];
  while (await timeline.more()) {
    // until the end
  }
  await until("in order, newest first", () => texts() === all.join(" "));
  assert.deepEqual(errors, []);
});
