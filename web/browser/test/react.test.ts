// A project that installed the client's tarball, with React and Apollo Client's hooks, built for development.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { serve } from "@roost/example/bundle";
import { newcomer, RoostServer, until } from "@roost/testserver";
import { picture, signUp, startBrowser, tweet, visit } from "./browser.js";

let browser: Browser;
let roost: RoostServer;
let frontend: Server;
before(async () => {
  roost = await RoostServer.start();
  frontend = await serve(await built(), 0);
  browser = await startBrowser();
});
after(async () => {
  await Promise.all([browser?.close(), roost?.stop()]);
  frontend?.close();
});

/** The files of the built project, by path. */
async function built(): Promise<Map<string, string>> {
  const folder = process.env["ROOST_TEST_REACT"];
  assert.ok(folder, "ROOST_TEST_REACT does not name the built project; `make browser` sets it");
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name);
      files.set(`/${relative(folder, path)}`, await readFile(path, "utf8"));
    }
  }
  files.set("/", files.get("/index.html") ?? "");
  return files;
}

test("mounted hooks follow the session, and the timeline the connection", async (t) => {
  const { page, faults } = await visit(t, browser);
  const { port } = frontend.address() as AddressInfo;
  // Vite serves at localhost; the API has another name of this machine.
  await page.goto(`http://localhost:${port}/?api=${encodeURIComponent(`http://127.0.0.1:${roost.port}`)}`);
  const says = (text: string): Promise<void> => page.getByRole("status").filter({ hasText: text }).waitFor();
  await says("Nobody is signed in");

  const account = newcomer("hooks");
  await page.getByLabel("Username").fill(account.username);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Make an account" }).click();
  await says(`Signed in as @${account.username}`);
  await page.locator("#connection").filter({ hasText: "open" }).waitFor();
  await page.getByLabel("What happens").fill("From a hook");
  await page.getByRole("button", { name: "Tweet", exact: true }).click();
  await page.locator("li").filter({ hasText: "From a hook" }).waitFor();
  await picture(page, "react");

  await roost.shutDown();
  await page.locator("#connection").filter({ hasText: "waiting" }).waitFor();
  await roost.restart();
  await page.locator("#connection").filter({ hasText: "open" }).waitFor();
  assert.equal(await page.locator("li").count(), 1);

  await page.getByRole("button", { name: "Sign out" }).click();
  await says("Nobody is signed in");
  await until("the timeline is empty", async () => (await page.locator("li").count()) === 0);

  const other = newcomer("hooks");
  await tweet(roost.url, await signUp(roost.url, other), "Of somebody else");
  await page.getByLabel("Username").fill(other.username);
  await page.getByLabel("Password").fill(other.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await says(`Signed in as @${other.username}`);
  await page.locator("li").filter({ hasText: "Of somebody else" }).waitFor();
  const unexpected = faults.filter((fault) => !/ERR_CONNECTION_REFUSED|WebSocket connection/.test(fault));
  assert.deepEqual(unexpected, [], "but for the restart");
});
