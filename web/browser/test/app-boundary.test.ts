// A page of the web app that cannot be drawn says so, and leads on.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { newcomer, RoostServer } from "@roost/testserver";
import { pictures, tweetOf } from "./app.js";
import { signUp, startBrowser, tweet, visit } from "./browser.js";

let browser: Browser;
let roost: RoostServer;
before(async () => {
  roost = await RoostServer.start();
  browser = await startBrowser();
});
after(() => Promise.all([browser?.close(), roost?.stop()]));

test("an error of a page is a screen with a way out", async (t) => {
  const id = await tweet(roost.url, await signUp(roost.url, newcomer("author")), "Hard to draw");
  const { page, faults } = await visit(t, browser);
  // An answer that breaks its own schema makes the page throw.
  await page.route("**/graphql", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace(/"entities":\[\]/g, '"entities":null') });
  });
  await page.goto(`${roost.url}/tweets/${id}`);
  const screen = page.getByRole("alert").filter({ hasText: "This page cannot be shown" });
  await screen.waitFor();
  assert.ok(faults.some((fault) => fault.includes("TypeError")), "the error is in the console");
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  await pictures(page, "failed");

  await page.getByRole("link", { name: "People" }).first().click();
  await page.getByRole("heading", { name: "People", exact: true }).waitFor();
  assert.equal(await screen.count(), 0, "another page is tried afresh");
  await page.goBack();
  await screen.waitFor();

  await page.unroute("**/graphql");
  await screen.getByRole("button", { name: "Try again" }).click();
  await tweetOf(page, "Hard to draw").waitFor();
});
