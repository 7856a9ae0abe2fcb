// Every screen of the web app, looked at by axe.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { RoostServer, until } from "@roost/testserver";
import { sizes, tweetOf } from "./app.js";
import { ask, picture, startBrowser, visit } from "./browser.js";

let browser: Browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

/** What axe reports. */
interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

describe("every screen", () => {
  let roost: RoostServer;
  before(async () => {
    roost = await RoostServer.start({ demo: true });
  });
  after(() => roost?.stop());

  test("has no fault that axe finds, in both themes and on a phone", async (t) => {
    const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    const demo = await ask(roost.url, "{ searchUsers(query: \"\", first: 1) { nodes { username timeline(first: 1) { nodes { id } } } } }", {});
    const [{ username, timeline }] = demo["searchUsers"].nodes;
    const paths = [
      "/",
      `/@${username}`,
      `/@${username}/replies`,
      `/@${username}/followers`,
      `/tweets/${timeline.nodes[0].id}`,
      "/hashtags/nothing",
      "/hashtags/100%25",
      "/search",
      "/search?q=the",
      "/mentions",
      "/explore",
      "/settings",
      "/settings/sessions",
      "/nowhere",
    ];
    const faults: string[] = [];
    const signs = ["/login", "/signup"];
    for (const [width, height] of sizes) {
      const { page, context } = await visit(t, browser, width, height);
      await page.goto(roost.url);
      await tweetOf(page, "").first().waitFor(); // whoever comes to the demo looks around as its user
      for (const path of width > 400 ? [...paths, ...signs] : ["/", `/@${username}`, "/search?q=the", "/settings"]) {
        if (signs.includes(path)) {
          await context.clearCookies();
        }
        await page.goto(roost.url + path);
        await page.locator("h1:visible").first().waitFor();
        await until(`${path} has loaded`, async () => (await page.locator(".skeletons:not(.tweets-more *)").count()) === 0);
        for (const colorScheme of width > 400 ? (["light", "dark"] as const) : (["light"] as const)) {
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          await picture(page, `app-screen${path.replace(/\W+/g, "-")}-${colorScheme}-${width}`);
          await page.evaluate(axe);
          const found = await page.evaluate(async () => {
            const { axe } = globalThis as unknown as { axe: { run: (options: object) => Promise<{ violations: Violation[] }> } };
            const { violations } = await axe.run({ resultTypes: ["violations"] });
            return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
          });
          faults.push(...found.map((fault) => `${path}, ${colorScheme}, ${width} px: ${fault}`));
        }
      }
    }
    assert.deepEqual(faults, []);
  });
});
