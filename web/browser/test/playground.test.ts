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

test("a demo is signed in, and its first example has run", async (t) => {
  const { page, faults, hosts, context } = await visit(t, browser);
  const playground = new Playground(page);
  await playground.open(demo.url);
  await playground.notice("signed in as @ada");
  assert.match(await playground.text("query"), /query HomeTimeline/);
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
  await until("two tweets have come", async () => {
    await tweet(demo.url, key, `Seen live ${++posted}`); // until the subscription has begun
    return (await playground.events()).length > 1;
  });
  // A list with times, the newest event first.
  const events = await playground.events();
  assert.match(await playground.text("result"), /TimelineEntryAdded/);
  for (const { at } of events) {
    assert.match(at, /^\d\d:\d\d:\d\d\.\d{3}Z$/);
  }
  assert.deepEqual(events.map(({ at }) => at), events.map(({ at }) => at).sort().reverse());
  const numbers = events.flatMap(({ data }) => /^Seen live (\d+)$/.exec(data.homeTimelineEvents.edge?.node.text ?? "")?.[1] ?? []).map(Number);
  assert.ok(numbers.length > 0);
  assert.deepEqual(numbers, [...numbers].sort((a, b) => b - a));
  await playground.stop();
  const before = (await playground.events()).length;
  await tweet(demo.url, key, "After the stop");

  await playground.example("ReactionsChanged");
  await playground.run();
  await playground.shows('"likeCount"');
  assert.ok(before > 1);
  assert.equal((await playground.text("result")).includes("After the stop"), false);
  await playground.stop();
  assert.deepEqual(faults, []);
});

test("cookie and Bearer sign-in", async (t) => {
  const { page, faults, context } = await visit(t, browser);
  const playground = new Playground(page);
  await playground.open(bare.url);
  await playground.notice("Nobody is signed in");
  assert.equal(await playground.text("result"), "", "there is nothing to read yet");

  await playground.example("SignUp");
  await playground.run();
  await playground.shows('"username": "newcomer"');
  assert.equal((await context.cookies()).length, 1);
  await playground.notice("signed in as @newcomer");
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
  await playground.notice("Nobody is signed in");
  await playground.example("LogIn");
  await playground.run();
  await playground.shows('"username": "newcomer"');
  assert.equal((await context.cookies()).length, 1);
  await playground.notice("signed in as @newcomer");
  await page.reload();
  await playground.notice("signed in as @newcomer");
  assert.deepEqual(faults, []);
});

test("a visitor of the demo signs out, and in again", async (t) => {
  const { page, faults } = await visit(t, browser);
  const playground = new Playground(page);
  await playground.open(demo.url);
  await playground.notice("signed in as @ada");
  await playground.write("mutation LogOut { logOut { session { endReason } } }");
  await playground.run();
  await playground.shows("LOGGED_OUT");
  await playground.notice("signed out of the demo");
  await page.reload();
  await playground.notice("signed out of the demo");
  await page.getByRole("button", { name: "Sign in as @ada" }).click();
  await playground.notice("signed in as @ada");
  assert.deepEqual(faults, []);
});

test("following somebody resets a running subscription", async (t) => {
  const { page, faults, context } = await visit(t, browser);
  const playground = new Playground(page);
  await playground.open(demo.url);
  await playground.example("HomeTimelineEvents");
  await playground.run();
  await playground.shows("listeningSince");
  // In a second window, as the example says.
  const other = new Playground(await context.newPage());
  await other.open(demo.url);
  await other.example("Follow");
  await other.run();
  await other.shows('"viewerIsFollowing": true');
  assert.doesNotMatch(await other.text("result"), /NOT_FOUND|SELF/);
  await playground.shows("TIMELINE_REBUILT");
  assert.deepEqual(faults, []);
});

test("what is in front is what runs, however fast the play button is pressed", async (t) => {
  const { page, faults } = await visit(t, browser);
  const playground = new Playground(page);
  await playground.open(demo.url);
  await playground.shows('"hasNextPage": true');
  for (const [name, shows] of [["HomeTimelineEvents", "listeningSince"], ["Tweet", "createTweet"], ["HomeTimeline", "hasNextPage"]] as const) {
    await page.getByRole("tab", { name, exact: true }).click();
    await playground.run();
    await playground.shows(shows);
    if (name === "HomeTimelineEvents") {
      await playground.stop();
    }
  }
  assert.deepEqual(faults, []);
});

test("it can be used on a phone", async (t) => {
  const { page, faults } = await visit(t, browser, 390, 844);
  const playground = new Playground(page);
  await playground.open(demo.url);
  await playground.shows('"hasNextPage": true');
  const box = async (selector: string) => {
    const found = await page.locator(selector).first().boundingBox();
    assert.ok(found, selector);
    return found;
  };
  const whole = async (): Promise<void> => {
    const [editor, play, result] = [await box(".graphiql-query-editor .CodeMirror"), await box(".graphiql-execute-button"), await box(".graphiql-response")];
    assert.ok(editor.width >= 250 && editor.height >= 100, `the editor is ${editor.width} x ${editor.height}`);
    assert.ok(result.width >= 380 && result.height >= 150, `the result is ${result.width} x ${result.height}`);
    for (const { x, y, width, height } of [editor, play, result]) {
      assert.ok(x >= 0 && y >= 0 && x + width <= 390 && y + height <= 844, `something is at ${x}, ${y} and ${width} x ${height}`);
    }
    assert.ok(editor.y + editor.height <= result.y, "the result is below the editor");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, "nothing is wider than the screen");
  };
  await whole();
  await playground.example("HomeTimelineEvents");
  await playground.run();
  await playground.shows("listeningSince");
  await playground.stop();
  await page.getByRole("button", { name: /Documentation Explorer/ }).click();
  await page.getByText("IDs are opaque").waitFor();
  await whole();
  assert.deepEqual(faults, []);
});
