// Frontends from elsewhere: another port of localhost may, a foreign origin may not.
import assert from "node:assert/strict";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { bundle, serve } from "@roost/example/bundle";
import { newcomer, RoostServer, until } from "@roost/testserver";
import { ask, picture, signUp, startBrowser, timeline, tweet, visit } from "./browser.js";

let browser: Browser;
let roost: RoostServer;
let frontend: Server;
before(async () => {
  const files = new Map(await bundle());
  files.set("/blank", "<!doctype html><title>A page of somebody else</title>");
  // It is served under no other name than its own, addresses and those of this machine.
  roost = await RoostServer.start({ flags: ["--origins", "http://api.roost.test"] });
  frontend = await serve(files, 0);
  browser = await startBrowser();
});
after(async () => {
  await Promise.all([browser?.close(), roost?.stop()]);
  frontend?.close();
});

function at(host: string, path: string): string {
  return `http://${host}:${(frontend.address() as AddressInfo).port}${path}`;
}

test("a frontend on another port of localhost works with cookies and a socket", async (t) => {
  const { page, faults, context } = await visit(t, browser);
  await page.goto(at("127.0.0.1", `/?api=${encodeURIComponent(roost.url)}`));
  const account = newcomer("cors");
  await page.getByLabel("Username").fill(account.username);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Make an account" }).click();
  await page.getByText(`@${account.username}`).waitFor();
  assert.equal((await context.cookies())[0]?.name, "roost_session");

  await page.getByLabel("What happens?").fill("From another origin");
  await page.getByRole("button", { name: "Tweet", exact: true }).click();
  const first = page.locator("#timeline li").filter({ hasText: "From another origin" });
  await first.waitFor();
  await first.getByRole("button").click();
  await first.getByRole("button", { name: "♥ 1", pressed: true }).waitFor();

  // What another device does comes over the socket, which has the cookie as well.
  const key = await logIn(account);
  await tweet(roost.url, key, "From another device");
  await page.locator("#timeline li").first().filter({ hasText: "From another device" }).waitFor();

  await roost.kill();
  await roost.restart();
  await tweet(roost.url, key, "After a crash");
  await page.locator("#timeline li").first().filter({ hasText: "After a crash" }).waitFor();

  await page.reload();
  await page.getByText(`@${account.username}`).first().waitFor();
  await until("the timeline is read", async () => (await page.locator("#timeline li").count()) === 3);
  await picture(page, "frontend");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Username").waitFor();
  assert.deepEqual(await context.cookies(), []);
  const unexpected = faults.filter((fault) => !/ERR_CONNECTION_REFUSED|WebSocket connection/.test(fault));
  assert.deepEqual(unexpected, [], "but for the crash");
});

// To a browser localhost and 127.0.0.1 are two sites, and a session's cookie is for the site of the page alone. The
// page finds its API all the same, whichever name either has.
for (const page of ["localhost", "127.0.0.1"]) {
  for (const api of ["localhost", "127.0.0.1"]) {
    test(`a page at ${page} is signed in at an API that is named ${api}`, async (t) => {
      const { page: tab, faults, context } = await visit(t, browser);
      await tab.goto(at(page, `/?api=${encodeURIComponent(`http://${api}:${roost.port}`)}`));
      const account = newcomer("site");
      await tab.getByLabel("Username").fill(account.username);
      await tab.getByLabel("Password").fill(account.password);
      await tab.getByRole("button", { name: "Make an account" }).click();
      await tab.getByText(`@${account.username}`).waitFor();
      assert.equal((await context.cookies())[0]?.name, "roost_session");
      await tab.getByLabel("What happens?").fill("The next call");
      await tab.getByRole("button", { name: "Tweet", exact: true }).click();
      await tab.locator("#timeline li").filter({ hasText: "The next call" }).waitFor();
      await tweet(roost.url, await logIn(account), "Over the socket");
      await tab.locator("#timeline li").first().filter({ hasText: "Over the socket" }).waitFor();
      await tab.reload();
      await tab.getByText(`@${account.username}`).first().waitFor();
      assert.deepEqual(faults, []);
    });
  }
}

/** Signs in from another device. */
async function logIn({ username, password }: { username: string; password: string }): Promise<string> {
  const query = "mutation ($input: LogInInput!) { logIn(input: $input) { token } }";
  return (await ask(roost.url, query, { input: { login: username, password, tokenDelivery: "TOKEN" } }))["logIn"].token as string;
}

/** What a page can do to an API with the visitor's cookies: what each way gave. */
async function attack(page: Page, api: string): Promise<Record<string, string>> {
  return page.evaluate(async (url) => {
    const mutation = JSON.stringify({ query: 'mutation { createTweet(input: {text: "Forged"}) { tweet { id } } }' });
    const read = `?query=${encodeURIComponent("{ viewer { email } }")}`;
    const outcome = (answer: Promise<Response>): Promise<string> =>
      answer.then(async (r) => `${r.type} ${r.status} ${await r.text()}`, () => "blocked");
    const post = (type: string, mode: RequestMode): Promise<string> =>
      outcome(fetch(`${url}/graphql`, { method: "POST", mode, credentials: "include", headers: { "Content-Type": type }, body: mutation }));
    const socket = new Promise<string>((resolve) => {
      const ws = new WebSocket(`${url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
      ws.onopen = () => resolve("open");
      ws.onclose = ({ code }) => resolve(`closed ${code}`);
    });
    return {
      json: await post("application/json", "cors"),
      text: await post("text/plain", "no-cors"),
      form: await post("application/x-www-form-urlencoded", "no-cors"),
      read: await outcome(fetch(`${url}/graphql${read}`, { credentials: "include" })),
      socket: await socket,
    };
  }, api);
}

/** Whether a request of the page to the API's host carries the session's cookie: cookies know no ports. */
async function cookieArrives(page: Page): Promise<boolean> {
  const arrived = new Promise<boolean>((resolve) =>
    frontend.once("request", ({ headers }) => resolve(headers.cookie?.includes("roost_session=") ?? false)));
  await page.evaluate((url) => fetch(url, { mode: "no-cors", credentials: "include" }), at("api.roost.test", "/blank"));
  return arrived;
}

// The same site is the harder case: there the browser does send the cookie, and only the origin tells.
for (const [what, host, cookieGoes] of [["the same site", "other.roost.test", true], ["another site", "stranger.test", false]] as const) {
  test(`a foreign origin of ${what} gets nowhere`, async (t) => {
    const { page, context } = await visit(t, browser);
    const api = `http://api.roost.test:${roost.port}`;
    const account = newcomer("victim");
    const key = await signUp(roost.url, account);

    await page.goto(`${api}/playground`);
    const signedIn = await page.evaluate(async ({ username, password }) => {
      const answer = await fetch("/graphql", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({
          query: "mutation ($input: LogInInput!) { logIn(input: $input) { viewer { email } } }",
          variables: { input: { login: username, password } },
        }),
      });
      return answer.text();
    }, account);
    assert.match(signedIn, new RegExp(account.email), "the visitor is signed in");
    assert.equal((await context.cookies(api)).length, 1);
    const own = await attack(page, api);
    assert.match(own["json"] ?? "", /basic 200 .*"id"/, "the site itself can do it");
    assert.equal(own["socket"], "open");
    assert.deepEqual(await timeline(roost.url, key), ["Forged"]);

    await page.goto(at(host, "/blank"));
    const foreign = await attack(page, api);
    assert.deepEqual(foreign, {
      json: "blocked",
      text: "opaque 0 ",
      form: "opaque 0 ",
      read: "blocked",
      socket: "closed 1006",
    });
    assert.deepEqual(await timeline(roost.url, key), ["Forged"], "nothing was done");
    assert.equal(await cookieArrives(page), cookieGoes, "what the browser sends is as the test means it");
  });
}

test("a browser's own EventSource follows from another origin, and goes on after a crash", async (t) => {
  const { page } = await visit(t, browser);
  await page.goto(at("127.0.0.1", "/blank"));
  const account = newcomer("stream");
  const api = `http://127.0.0.1:${roost.port}`;
  await page.evaluate(
    async ({ api, account }) => {
      const signUp = "mutation ($input: SignUpInput!) { signUp(input: $input) { viewer { email } } }";
      const answer = await fetch(`${api}/graphql`, {
        method: "POST",
        credentials: "include",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ query: signUp, variables: { input: account } }),
      });
      const after = "subscription { homeTimelineEvents { ... on TimelineEntryAdded { edge { node { text } } } } }";
      const source = new EventSource(`${api}/graphql?query=${encodeURIComponent(after)}`, { withCredentials: true });
      const scope = globalThis as unknown as { opened: number; heard: string[] };
      Object.assign(scope, { opened: 0, heard: [] });
      source.addEventListener("open", () => scope.opened++);
      source.addEventListener("next", ({ data }) => scope.heard.push(JSON.parse(data).data.homeTimelineEvents.edge.node.text));
      return answer.status;
    },
    { api, account },
  );
  const opened = (): Promise<number> => page.evaluate(() => (globalThis as unknown as { opened: number }).opened);
  const heard = (): Promise<string[]> => page.evaluate(() => (globalThis as unknown as { heard: string[] }).heard);
  await until("the stream is open", async () => (await opened()) === 1);
  const key = await logIn(account);
  await tweet(roost.url, key, "Live");
  await until("it has come", async () => (await heard()).length === 1);
  await roost.kill();
  await roost.restart();
  await tweet(roost.url, key, "While nobody listened");
  await until("the browser has opened it again", async () => (await opened()) === 2);
  await tweet(roost.url, key, "Live again");
  await until("all of it has come", async () => (await heard()).length >= 3);
  assert.deepEqual(await heard(), ["Live", "While nobody listened", "Live again"], "nothing is missed, nothing comes twice");

  // A page of a foreign origin may not listen.
  await page.goto(at("stranger.test", "/blank"));
  const state = await page.evaluate(
    (url) =>
      new Promise<string>((resolve) => {
        const source = new EventSource(url, { withCredentials: true });
        source.onopen = () => resolve("open");
        source.onerror = () => resolve("refused");
      }),
    `${api}/graphql?query=${encodeURIComponent("subscription { sessionEnded { reason } }")}`,
  );
  assert.equal(state, "refused");
});
