// How smooth the web app is: shifts while tweets come in, frames and memory while somebody scrolls down 2,000 tweets. Prints what it
// measures; only a machine that has nothing else to do says something about frames.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { newcomer, RoostServer, until } from "@roost/testserver";
import { logInByForm } from "../app.js";
import { ask, signUp, startBrowser, tweet, visit } from "../browser.js";

const tweets = 2_000;
const perSecond = 10;
const watchedFor = 20; // seconds

let browser: Browser;
let roost: RoostServer;
before(async () => {
  roost = await RoostServer.start({ flags: ["--budget=0", "--budget-address=0"] });
  browser = await startBrowser();
});
after(() => Promise.all([browser?.close(), roost?.stop()]));

/** A reader who follows an author of many tweets. */
async function arrange(): Promise<{ readonly key: string; readonly reader: ReturnType<typeof newcomer> }> {
  const author = newcomer("author");
  const key = await signUp(roost.url, author);
  for (let i = 0; i < tweets; i++) {
    await tweet(roost.url, key, `Tweet number ${i} ${"and some words ".repeat(i % 9)}`);
  }
  const reader = newcomer("reader");
  const readerKey = await signUp(roost.url, reader);
  const { user } = await ask(roost.url, "query ($username: String!) { user(username: $username) { id } }", { username: author.username });
  await ask(roost.url, "mutation ($input: FollowUserInput!) { followUser(input: $input) { user { id } } }", { input: { userId: user.id } }, readerKey);
  return { key, reader };
}

test("nothing shifts while tweets come in, and 2,000 tweets scroll", { timeout: 300_000 }, async (t) => {
  const { key, reader } = await arrange();
  const { page } = await visit(t, browser);
  await page.addInitScript(() => {
    const shifts = globalThis as unknown as { shifted: number };
    shifts.shifted = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { readonly value: number; readonly hadRecentInput: boolean })[]) {
        shifts.shifted += entry.hadRecentInput ? 0 : entry.value;
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  await logInByForm(page, roost.url, reader);
  await page.goto(roost.url);
  await page.locator("main [data-tweet]").first().waitFor();
  for (let i = 0; i < perSecond * watchedFor; i++) {
    const begun = Date.now();
    await tweet(roost.url, key, `Live ${i}`);
    await page.waitForTimeout(Math.max(0, 1_000 / perSecond - (Date.now() - begun)));
  }
  await page.getByRole("button", { name: `${perSecond * watchedFor} new posts` }).waitFor();
  const shifted = await page.evaluate(() => (globalThis as unknown as { shifted: number }).shifted);
  console.log(`cumulative layout shift of the first load and ${perSecond} tweets a second for ${watchedFor} s: ${shifted.toFixed(4)}`);
  assert.ok(shifted < 0.02, `shifted by ${shifted}`);

  await page.getByRole("button", { name: /new posts/ }).click();
  await page.mouse.move(700, 500);
  const seen = new Set<string>();
  await page.evaluate(() => {
    const scope = globalThis as unknown as { frames: number[] };
    scope.frames = [];
    let last = performance.now();
    const next = (now: number): void => {
      scope.frames.push(now - last);
      last = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  const early = { nodes: 0, heap: 0 };
  const end = Date.now() + 180_000;
  while (seen.size < tweets && Date.now() < end) {
    await page.mouse.wheel(0, 400);
    await page.waitForTimeout(16);
    for (const id of await page.locator("main [data-tweet]").evaluateAll((nodes) => nodes.map((node) => (node as HTMLElement).dataset["tweet"] ?? ""))) {
      seen.add(id);
    }
    if (early.nodes === 0 && seen.size >= 400) {
      Object.assign(early, await weigh(page));
    }
  }
  const late = await weigh(page);
  const frames = await page.evaluate(() => (globalThis as unknown as { frames: number[] }).frames.sort((a, b) => a - b));
  const quantile = (part: number): string => (frames[Math.floor(frames.length * part)] ?? 0).toFixed(1);
  console.log(`${seen.size} tweets scrolled; frames of ${quantile(0.5)} ms in the middle, ${quantile(0.95)} ms at 95 %, ${quantile(0.99)} ms at 99 %`);
  console.log(`at 400 tweets ${early.nodes} nodes and ${early.heap} MB of heap, at the end ${late.nodes} and ${late.heap} MB`);
  assert.ok(seen.size >= tweets, `${seen.size} tweets`);
  assert.ok(late.nodes < early.nodes * 1.5, "the page holds no more nodes than near its top");
  await until("the page is there", async () => (await page.locator("h1:visible").count()) === 1);
});

/** Nodes of the document, and megabytes of heap after a collection. */
async function weigh(page: Page): Promise<{ readonly nodes: number; readonly heap: number }> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return { nodes: await page.evaluate(() => document.querySelectorAll("*").length), heap: Math.round(usedSize / 1e5) / 10 };
}
