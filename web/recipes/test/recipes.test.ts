// The set-ups that the guide to the API shows work against a started server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EventSource as NodeEventSource } from "eventsource";
import { newcomer, RoostServer, until } from "@roost/testserver";
import type { ResultOf } from "gql.tada";
import { print } from "graphql";
import WebSocket from "ws";
import { open } from "../src/apollo.js";
import { OperationError, run, watch } from "../src/fetch.js";
import { newEnvironment } from "../src/relay.js";
import { Home as Typed, type HomeTweet, type HomeVariables } from "../src/tada.js";
import { Counts, Home, newClient } from "../src/urql.js";

let server: RoostServer;
before(async () => {
  server = await RoostServer.start();
  keepCookies();
});
after(() => server.stop());

/** Node has no cookies and, at 20, no EventSource. This is as much of a browser as the recipe needs. */
function keepCookies(): void {
  const bare = globalThis.fetch;
  let cookie = "";
  const withCookie: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers);
    if (init?.credentials === "include" && cookie) {
      headers.set("Cookie", cookie);
    }
    const response = await bare(input, { ...init, headers });
    if (init?.credentials === "include") {
      cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? cookie;
    }
    return response;
  };
  globalThis.fetch = withCookie;
  globalThis.EventSource = class extends NodeEventSource {
    constructor(url: string | URL) {
      super(url, { fetch: (input, init) => withCookie(input, { ...init, credentials: "include" } as RequestInit) });
    }
  } as unknown as typeof globalThis.EventSource;
}

/** Somebody new with the key of a session, and a tweet. */
async function somebody() {
  const account = newcomer("recipe");
  const { signUp } = await operate<any>("mutation($input: SignUpInput!) { signUp(input: $input) { token } }", {
    input: { ...account, tokenDelivery: "TOKEN" },
  });
  const key: string = signUp.token;
  const tweet = async (text: string): Promise<string> =>
    (await operate<any>("mutation($text: String!) { createTweet(input: {text: $text}) { tweet { id } } }", { text }, key)).createTweet.tweet.id;
  return { account, key, tweet };
}

async function operate<T>(query: string, variables: object, key?: string): Promise<T> {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as any;
  assert.equal(errors, undefined);
  return data;
}

const like = "mutation($id: ID!) { setReaction(input: {subjectId: $id, reaction: LIKE}) { userErrors { code } } }";

test("fetch and EventSource", async (t) => {
  const { account } = await somebody();
  const logIn = "mutation($login: String!, $password: String!) { logIn(input: {login: $login, password: $password}) { userErrors { code } } }";
  await run(server.url, logIn, { login: account.username, password: account.password });
  const { viewer } = await run<any>(server.url, "{ viewer { email } }");
  assert.equal(viewer.email, account.email);
  await assert.rejects(run(server.url, "{ nobody }"), (error) => error instanceof OperationError && error.code === "BAD_REQUEST");

  const texts: string[] = [];
  const codes: string[] = [];
  const events = "subscription { homeTimelineEvents { ... on TimelineEntryAdded { edge { node { text } } } } }";
  const leave = watch<any>(server.url, events, ({ homeTimelineEvents }) => texts.push(homeTimelineEvents.edge.node.text), (code) => codes.push(code));
  t.after(leave);
  const post = "mutation($text: String!) { createTweet(input: {text: $text}) { userErrors { code } } }";
  const wanted: string[] = [];
  await until("the stream has begun", async () => {
    const text = `are you there? ${wanted.length}`;
    wanted.push(text);
    await run(server.url, post, { text });
    return texts.length > 0;
  });
  await server.shutDown();
  await server.restart();
  await run(server.url, post, { text: "after the restart" });
  await until("the stream has come back", () => texts.at(-1) === "after the restart");
  assert.deepEqual(texts, [...wanted, "after the restart"].slice(-texts.length), "nothing is missing, nothing comes twice");
  await run(server.url, "mutation { logOut { userErrors { code } } }");
  await until("the stream has ended with the session", () => codes.length > 0);
  assert.deepEqual(codes, ["UNAUTHENTICATED"]);
});

test("the typed client", async (t) => {
  const { account, tweet } = await somebody();
  await tweet("Before Apollo");
  let texts: string[] = [];
  const render: Parameters<typeof open>[3] = ({ entries }) => void (texts = entries.map(({ node }) => node.text));
  const roost = await open(server.url, account.username, account.password, render, WebSocket);
  t.after(() => roost.close());
  await until("both tweets are shown", () => texts.length === 2);
  assert.deepEqual(texts, ["Hello from Apollo", "Before Apollo"]);
});

test("urql with graphcache", async (t) => {
  const { key, tweet } = await somebody();
  const other = await somebody();
  const older = await tweet("older");
  await tweet("newer");
  const { client, close } = newClient(server.url, key, WebSocket);
  t.after(close);
  let edges: any[] = [];
  const page = (after: string | null) => client.query(Home, { first: 1, after }).toPromise();
  const first = await page(null);
  await page(first.data.viewer.homeTimeline.pageInfo.endCursor);
  const shown = client.query(Home, { first: 1, after: null }, { requestPolicy: "cache-only" }).subscribe(({ data }) => {
    edges = data?.viewer.homeTimeline.edges ?? edges;
  });
  t.after(() => shown.unsubscribe());
  assert.deepEqual(edges.map(({ node }) => node.text), ["newer", "older"], "two pages are one list");
  const live = client.subscription(Counts, { ids: [older] }).subscribe(({ error }) => assert.equal(error, undefined));
  t.after(() => live.unsubscribe());
  await operate(like, { id: older }, other.key);
  await until("the like is shown", () => edges[1]?.node.reactions.likeCount === 1);
});

test("Relay's network", async (t) => {
  const { key, tweet } = await somebody();
  const id = await tweet("Hello from Relay");
  const { environment, close } = newEnvironment(server.url, key, WebSocket);
  t.after(close);
  const execute = (text: string, operationKind: string, variables = {}) =>
    environment.getNetwork().execute({ text, operationKind, name: "Test", id: null, cacheID: text, metadata: {} } as never, variables, { force: true });
  const answer = (await execute("query Test { viewer { homeTimeline { nodes { text } } } }", "query").toPromise()) as any;
  assert.deepEqual(answer, { data: { viewer: { homeTimeline: { nodes: [{ text: "Hello from Relay" }] } } } });
  const counts: number[] = [];
  const live = execute("subscription Test($ids: [ID!]!) { reactionsChanged(subjectIds: $ids) { reactions { likeCount } } }", "subscription", {
    ids: [id],
  }).subscribe({ next: ({ data }: any) => counts.push(data.reactionsChanged.reactions.likeCount) });
  t.after(() => live.unsubscribe());
  await until("the counts are there", () => counts.length > 0);
  await execute(like.replace("mutation", "mutation Test"), "mutation", { id }).toPromise();
  await until("the like is there", () => counts.at(-1) === 1);
});

/** What must not compile: documents know the schema. */
export function misuse(tweet: HomeTweet): void {
  const name: string = tweet.author.username;
  const variables: HomeVariables = { first: 10 };
  // @ts-expect-error a page is counted in numbers
  variables.first = "10";
  // @ts-expect-error there is no such reaction
  assert.notEqual(tweet.reactions.viewerReaction, "LOVE" satisfies typeof tweet.reactions.viewerReaction);
  // @ts-expect-error it was not asked for
  assert.ok(name, tweet.createdAt);
}

test("gql.tada", async () => {
  const { key, tweet } = await somebody();
  await tweet("Typed as it is written");
  const data = await operate<ResultOf<typeof Typed>>(print(Typed), { first: 1 } satisfies HomeVariables, key);
  assert.deepEqual(data.viewer?.homeTimeline.nodes.map(({ text }) => text), ["Typed as it is written"]);
});
