import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

/** Names that lead to this machine besides its own; every other one is not found: nothing leaves it. */
const here = ["api.roost.test", "other.roost.test", "stranger.test"];

/** Starts the Chromium that ROOST_TEST_CHROMIUM names. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env["ROOST_TEST_CHROMIUM"];
  assert.ok(executablePath, "ROOST_TEST_CHROMIUM does not name Chromium; `make browser` sets it");
  return chromium.launch({
    executablePath,
    chromiumSandbox: process.getuid?.() !== 0, // Chromium refuses to use it as root
    args: [
      "--disable-gpu",
      "--disable-quic",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      `--host-resolver-rules=${here.map((name) => `MAP ${name} 127.0.0.1`).join(", ")}, MAP * ~NOTFOUND , EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE [::1]`,
    ],
  });
}

/** A page with a cookie jar of its own, and what went on in it. */
export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Console errors and warnings, uncaught exceptions and failed requests, but for those that the page gave up itself. */
  readonly faults: string[];
  /** Hosts that anything was asked of. */
  readonly hosts: Set<string>;
}

interface Test {
  readonly name: string;
  after(fn: () => Promise<void>): void;
}

/** Keeps a picture of a page if ROOST_TEST_SCREENSHOTS names a directory. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env["ROOST_TEST_SCREENSHOTS"];
  if (folder) {
    await mkdir(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${name.replace(/\W+/g, "-")}.png`) });
  }
}

/** Opens a page for a test, of a size in pixels; a picture of its end is kept. */
export async function visit(t: Test, browser: Browser, width = 1400, height = 900): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width, height } });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const faults: string[] = [];
  const hosts = new Set<string>();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      faults.push(message.text());
    }
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText;
    if (why !== "net::ERR_ABORTED") {
      faults.push(`${request.url()}: ${why}`);
    }
  });
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
  page.on("websocket", (socket) => hosts.add(new URL(socket.url()).host));
  t.after(async () => {
    await picture(page, t.name);
    await context.close();
  });
  return { context, page, faults, hosts };
}

/** An answer of the API as a program would get it. */
export async function ask(url: string, query: string, variables: object, key?: string): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data } = (await response.json()) as { data?: Answer };
  assert.ok(data, `no data from ${query}`);
  return data;
}

/** JSON, looked into by tests. */
export type Answer = Record<string, any>;

/** Makes an account and gives its key. */
export async function signUp(url: string, account: object): Promise<string> {
  const query = "mutation ($input: SignUpInput!) { signUp(input: $input) { token userErrors { message } } }";
  return (await ask(url, query, { input: { ...account, tokenDelivery: "TOKEN" } }))["signUp"].token as string;
}

/** Posts a tweet and gives its id. */
export async function tweet(url: string, key: string, text: string): Promise<string> {
  const query = "mutation ($input: CreateTweetInput!) { createTweet(input: $input) { tweet { id } } }";
  return (await ask(url, query, { input: { text } }, key))["createTweet"].tweet.id as string;
}

/** The texts of the key's home timeline, newest first. */
export async function timeline(url: string, key: string): Promise<string[]> {
  const data = await ask(url, "{ viewer { homeTimeline { nodes { text } } } }", {}, key);
  return data["viewer"].homeTimeline.nodes.map(({ text }: { text: string }) => text);
}
