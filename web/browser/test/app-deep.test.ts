// Somebody who reads far down in the web app while the server goes away and comes back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { newcomer, RoostServer, until } from "@roost/testserver";
import { logInByForm } from "./app.js";
import { ask, signUp, startBrowser, tweet, visit } from "./browser.js";

let browser: Browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

const deep = 400; // entries

test("a reader far down loses nothing and does not move when the server is killed, or restarted", async (t) => {
  const roost = await RoostServer.start({ flags: ["--budget=0", "--budget-address=0"] });
  t.after(() => roost.stop());
  const author = newcomer("author");
  const key = await signUp(roost.url, author);
  const written: string[] = []; // newest first
  for (let i = 0; i < deep + 60; i++) {
    written.unshift(await tweet(roost.url, key, `Tweet number ${i} ${"and some words ".repeat(i % 9)}`));
  }
  const reader = newcomer("reader");
  await follow(roost.url, await signUp(roost.url, reader), author.username);
  const { page } = await visit(t, browser);
  await logInByForm(page, roost.url, reader);
  await page.mouse.move(700, 500);
  for (const seen = new Set<string>(); seen.size < deep; ) {
    (await drawn(page)).forEach((id) => seen.add(id));
    await scroll(page, 1_500);
  }
  await scroll(page, -800);
  await settled(page);
  const before = await place(page);
  assert.ok(before.top > 10_000, `scrolled ${before.top} px`);

  // A tweet is opened, and one comes back to where one was.
  await page.locator(`[data-tweet="${before.tweet}"]`).click({ position: { x: 5, y: 5 } });
  await page.locator("[data-focal]").waitFor();
  await page.goBack();
  await page.locator(`[data-tweet="${before.tweet}"]:visible`).waitFor();
  await settled(page);
  assert.deepEqual(await place(page), before, "the way back leads to the same place");

  for (const [round, stop] of [() => roost.kill(), () => roost.shutDown()].entries()) {
    await stop();
    await page.getByText("Connecting again…").waitFor();
    assert.deepEqual(await place(page), before, "the notice moves nothing");
    await roost.restart();
    for (let i = 0; i < 3; i++) {
      written.unshift(await tweet(roost.url, key, `After restart ${round}, ${i}`));
    }
    await page.getByRole("button", { name: `${3 * (round + 1)} new posts` }).waitFor();
    await until("the notice is gone", async () => (await page.getByText("Connecting again…").count()) === 0);
    await settled(page);
    assert.deepEqual(await place(page), before, "the same tweet is at the same place of the window");
  }

  // Everything is there once, in order, from the top down.
  await page.getByRole("button", { name: "6 new posts" }).click();
  await until("the newest are on top", async () => (await drawn(page))[0] === written[0] && (await page.evaluate(() => scrollY)) === 0);
  const all: string[] = [];
  for (let steps = 0; all.length < deep && steps < 400; steps++) {
    const ids = await drawn(page);
    assert.equal(new Set(ids).size, ids.length, "no tweet is there twice");
    const read = await inWindow(page);
    all.push(...read.slice(read.indexOf(all.at(-1) ?? "") + 1));
    await scroll(page, 700);
  }
  assert.deepEqual(all.slice(0, deep), written.slice(0, deep));
});

async function follow(url: string, key: string, username: string): Promise<void> {
  const { user } = await ask(url, "query ($username: String!) { user(username: $username) { id } }", { username }, key);
  await ask(url, "mutation ($input: FollowUserInput!) { followUser(input: $input) { user { id } } }", { input: { userId: user.id } }, key);
}

/** The ids of the tweets that are in the page, from the top. */
async function drawn(page: Page): Promise<string[]> {
  return page.locator("main [data-tweet]").evaluateAll((nodes) => nodes.map((node) => (node as HTMLElement).dataset["tweet"] ?? ""));
}

/** The ids of the tweets in the window, from the top. Those below it may be drawn in another order. */
async function inWindow(page: Page): Promise<string[]> {
  return page.locator("main [data-tweet]").evaluateAll((nodes) =>
    nodes
      .filter((node) => node.getBoundingClientRect().bottom > 0 && node.getBoundingClientRect().top < innerHeight)
      .map((node) => (node as HTMLElement).dataset["tweet"] ?? ""),
  );
}

/** Turns the wheel, and waits for the page to be drawn: tweets come into it as the window nears them. */
async function scroll(page: Page, by: number): Promise<void> {
  await page.mouse.wheel(0, by);
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await page.waitForFunction(() =>
    [...document.querySelectorAll("main .chunk")].every((chunk) => {
      const { top, bottom, height } = chunk.getBoundingClientRect();
      return chunk.childElementCount > 0 || height === 0 || bottom < 0 || top > innerHeight;
    }),
  );
}

/** How far the reader has scrolled, and which tweet is where at the top of the window. */
async function place(page: Page): Promise<{ readonly top: number; readonly tweet: string; readonly offset: number }> {
  return page.evaluate(() => {
    const tweets = [...document.querySelectorAll<HTMLElement>("main [data-tweet]")];
    const first = tweets.find((node) => node.getBoundingClientRect().top >= 60);
    return { top: scrollY, tweet: first?.dataset["tweet"] ?? "", offset: first?.getBoundingClientRect().top ?? 0 };
  });
}

/** Waits until the page no longer moves. */
async function settled(page: Page): Promise<void> {
  let last = "";
  await until("the page is still", async () => {
    await scroll(page, 0);
    const now = JSON.stringify(await place(page));
    const still = now === last;
    last = now;
    return still;
  });
}
