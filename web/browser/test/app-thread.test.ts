// The replies of an open conversation: none is missed between the reading and the live updates, or by a failure of these.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { newcomer, RoostServer, until } from "@roost/testserver";
import { tweetOf } from "./app.js";
import { ask, signUp, startBrowser, tweet, visit } from "./browser.js";

let browser: Browser;
let roost: RoostServer;
before(async () => {
  roost = await RoostServer.start();
  browser = await startBrowser();
});
after(() => Promise.all([browser?.close(), roost?.stop()]));

test("no reply to an open tweet is missed", async (t) => {
  const key = await signUp(roost.url, newcomer("author"));
  const inReplyToId = await tweet(roost.url, key, "Who is there?");
  const reply = (text: string): Promise<unknown> =>
    ask(roost.url, "mutation ($input: CreateTweetInput!) { createTweet(input: $input) { tweet { id } } }", { input: { text, inReplyToId } }, key);
  const { page } = await visit(t, browser);
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  let spoiled = 0;
  let spoiling = false;
  await page.routeWebSocket(/graphql/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage(async (message) => {
      await opened; // a slow network
      server.send(message);
    });
    server.onMessage((message) => {
      const { id, type, payload } = JSON.parse(String(message));
      if (spoiling && type === "next" && payload.data?.replyAdded) {
        spoiling = false;
        spoiled++;
        socket.send(JSON.stringify({ id, type: "error", payload: [{ message: "busy", extensions: { code: "UNAVAILABLE", retryAfter: 1 } }] }));
      } else {
        socket.send(message);
      }
    });
  });
  await page.goto(`${roost.url}/tweets/${inReplyToId}`);
  await page.locator("[data-focal]").waitFor();
  await page.getByText("No replies yet").waitFor();
  await reply("Before the socket");
  open();
  await tweetOf(page, "Before the socket").waitFor();
  await page.locator("[data-focal]").getByRole("button", { name: "Reply, 1 reply" }).waitFor();

  await reply("Live");
  await tweetOf(page, "Live").waitFor();
  spoiling = true;
  await reply("Spoiled");
  await until("the event is spoiled", () => spoiled === 1);
  await tweetOf(page, "Spoiled").waitFor();
  await reply("Live again");
  await tweetOf(page, "Live again").waitFor();
  const shown = await page.locator("main [data-tweet]:not([data-focal]) .tweet-text").allTextContents();
  assert.deepEqual(shown, ["Live again", "Spoiled", "Live", "Before the socket"], "each once, newest first");
  await page.locator("[data-focal]").getByRole("button", { name: "Reply, 4 replies" }).waitFor();
});
