// The playground in Chromium, with nothing but this machine to reach.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { newcomer, RoostServer, until } from "@roost/testserver";
import { ask, signUp, startBrowser, tweet, visit } from "./browser.js";
import { Playground } from "./playground.js";

let browser: Browser;
let demo: RoostServer;
let bare: RoostServer;
before(async () => {
  demo = await RoostServer.start({ demo: true });
  bare = await RoostServer.start();
  browser = await startBrowser();
});
after(async () => {
  await Promise.all([browser?.close(), demo?.stop(), bare?.stop()]);
});

test("a demo is signed in, and its first example runs", async (t) => {
  const { page, faults, hosts, context } = await visit(t, browser);
  const playground = new Playground(page);
  await playground.open(demo.url);
  await page.getByText(/Signed in as @ada/).waitFor();
  assert.match(await playground.text("query"), /query HomeTimeline/);
  await playground.run();
  await playground.shows('"hasNextPage": true');
  assert.match(await playground.text("result"), /"text": "\S/);
  const [cookie] = await context.cookies();
  assert.deepEqual(
    { name: cookie?.name, httpOnly: cookie?.httpOnly, sameSite: cookie?.sameSite },
    { name: "roost_session", httpOnly: true, sameSite: "Lax" },
  );
  assert.deepEqual([...hosts], [new URL(demo.url).host], "nothing is asked of anybody else");
  assert.deepEqual(faults, []);
});

test("the Explorer lists the schema and writes queries", async (t) => {
  const { page, faults } = await visit(t, browser);
  const playground = new Playground(page);
  await playground.open(demo.url);
  await page.getByRole("button", { name: /GraphiQL Explorer/ }).click();
  const explorer = page.locator(".docExplorerWrap");
  for (const field of ["node", "viewer", "user", "tweet", "reactionSummaries", "limits"]) {
    await explorer.locator(".graphiql-explorer-node", { hasText: new RegExp(`^${field}$`) }).first().waitFor();
  }
  await playground.write("query Mine { limits { pageSize } }");
  await explorer.getByText("tweetLength", { exact: true }).click();
  await until("the field is in the query", async () => /limits {\s+pageSize\s+tweetLength/.test(await playground.text("query")));
  await playground.run();
  await playground.shows('"tweetLength": 280');
  await page.getByRole("button", { name: /Documentation Explorer/ }).click();
  await page.getByRole("link", { name: "Subscription" }).waitFor();
  assert.deepEqual(faults, []);
});

test("a subscription runs and shows what happens", async (t) => {
  const { page, faults } = await visit(t, browser);
  const playground = new Playground(page);
  await playground.open(demo.url);
  const logIn = 'mutation { logIn(input: {login: "ada", password: "welcome-to-roost", tokenDelivery: TOKEN}) { token } }';
  const key = (await ask(demo.url, logIn, {}))["logIn"].token as string;

  await playground.example("HomeTimelineEvents");
  await playground.run();
  await page.getByRole("button", { name: /^Stop query/ }).waitFor();
  let posted = 0;
  await until("a tweet comes", async () => {
    await tweet(demo.url, key, `Seen live ${++posted}`); // until the subscription has begun
    return (await playground.text("result")).includes("Seen live");
  });
  assert.match(await playground.text("result"), /TimelineEntryAdded/);
  await playground.stop();

  await playground.example("ReactionsChanged");
  await playground.run();
  await playground.shows('"likeCount"');
  await playground.stop();
  assert.deepEqual(faults, []);
});

test("cookie and Bearer sign-in", async (t) => {
  const { page, faults, context } = await visit(t, browser);
  const playground = new Playground(page);
  await playground.open(bare.url);
  assert.equal(await page.locator("#notice").isVisible(), false, "nobody is signed in");

  await playground.example("SignUp");
  await playground.run();
  await playground.shows('"username": "newcomer"');
  assert.equal((await context.cookies()).length, 1);
  const who = "{ viewer { user { username } } }";
  await playground.write(`query ByCookie ${who}`);
  await playground.run();
  await playground.shows('"username": "newcomer"');

  const other = newcomer("bearer");
  const key = await signUp(bare.url, other);
  await playground.write(`query ByKey ${who}`, { Authorization: `Bearer ${key}` });
  await playground.run();
  await playground.shows(`"username": "${other.username}"`);

  // Over the socket, the header is in connection_init: it wins over the cookie.
  const live = "{ homeTimelineEvents { ... on TimelineEntryAdded { edge { node { author { username } } } } } }";
  await playground.write(`subscription LiveByKey ${live}`, { Authorization: `Bearer ${key}` });
  await playground.run();
  let posted = 0;
  await until("the other's tweet comes", async () => {
    await tweet(bare.url, key, `By Bearer ${++posted}`);
    return (await playground.text("result")).includes(`"username": "${other.username}"`);
  });
  await playground.stop();

  await playground.write("mutation LogOut { logOut { session { endReason } } }");
  await playground.run();
  await playground.shows("LOGGED_OUT");
  assert.equal((await context.cookies()).length, 0);
  await playground.example("LogIn");
  await playground.run();
  await playground.shows('"username": "newcomer"');
  assert.equal((await context.cookies()).length, 1);
  await page.reload();
  await page.getByText("Signed in as @newcomer.").waitFor();
  assert.deepEqual(faults, []);
});
