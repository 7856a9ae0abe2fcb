// Lists of the web app when a page of them fails, and new posts that wait while the viewer posts.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { newcomer, RoostServer } from "@roost/testserver";
import { pictures, signUpByForm, tweetOf } from "./app.js";
import { ask, signUp, startBrowser, tweet, visit } from "./browser.js";

let browser: Browser;
let roost: RoostServer;
before(async () => {
  roost = await RoostServer.start();
  browser = await startBrowser();
});
after(() => Promise.all([browser?.close(), roost?.stop()]));

test("a list whose next page fails says so, and waits to be asked", async (t) => {
  const author = newcomer("author");
  const key = await signUp(roost.url, author);
  for (let i = 0; i < 45; i++) {
    await tweet(roost.url, key, `Number ${i}`);
  }
  const { page } = await visit(t, browser);
  let failed = 0;
  await page.route("**/graphql", async (route) => {
    if (/"after":"/.test(route.request().postData() ?? "")) {
      failed++;
      await route.fulfill({ status: 503, body: "<h1>503 Service Unavailable</h1>" }); // as a proxy answers
    } else {
      await route.continue();
    }
  });
  await page.goto(`${roost.url}/@${author.username}`);
  await tweetOf(page, "Number 44").waitFor();
  await page.mouse.wheel(0, 10_000);
  const again = page.getByRole("button", { name: "Try again" });
  await again.waitFor();
  await page.getByText("The server is busy. Try again in a moment.").waitFor();
  await pictures(page, "more-failed");
  const before = failed;
  await page.mouse.wheel(0, -500);
  await page.mouse.wheel(0, 500);
  await again.waitFor();
  assert.equal(failed, before, "nothing is asked by itself");
  await page.unroute("**/graphql");
  await again.click();
  await tweetOf(page, "Number 20").waitFor();
  assert.equal(await again.count(), 0);
});

test("what waits above the home timeline goes on waiting when the viewer posts", async (t) => {
  const [reader, author] = [newcomer("reader"), newcomer("author")];
  const key = await signUp(roost.url, author);
  const { viewer } = await ask(roost.url, "{ viewer { user { id } } }", {}, key);
  const first = await tweet(roost.url, key, "Shown at once");
  const { page } = await visit(t, browser);
  await signUpByForm(page, roost.url, reader);
  const { logIn } = await ask(roost.url, "mutation ($input: LogInInput!) { logIn(input: $input) { token } }", {
    input: { login: reader.username, password: reader.password, tokenDelivery: "TOKEN" },
  });
  const follow = "mutation ($input: FollowUserInput!) { followUser(input: $input) { user { id } } }";
  await ask(roost.url, follow, { input: { userId: viewer.user.id } }, logIn.token);
  await page.reload();
  await tweetOf(page, "Shown at once").waitFor();
  await tweet(roost.url, key, "Waits");
  const pill = page.locator("[data-pill]");
  await pill.waitFor();

  await page.getByRole("main").getByRole("textbox").fill("My own");
  await page.getByRole("main").getByRole("button", { name: "Tweet", exact: true }).click();
  await tweetOf(page, "My own").waitFor();
  const like = "mutation ($input: SetReactionInput!) { setReaction(input: $input) { subject { id } } }";
  await ask(roost.url, like, { input: { subjectId: first, reaction: "LIKE" } }, key);
  await tweetOf(page, "Shown at once").getByRole("button", { name: /1 like/ }).waitFor();
  await tweet(roost.url, key, "Waits as well");
  await pill.filter({ hasText: "2 new posts" }).waitFor();
  assert.equal(await tweetOf(page, "Waits").count(), 0, "the first one waits on");
  await pill.click();
  await tweetOf(page, "Waits as well").waitFor();
});
