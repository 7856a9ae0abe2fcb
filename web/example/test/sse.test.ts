// The npm client graphql-sse gets the events of a home timeline, and continues from its last cursor after each end of the node.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient, type ExecutionResult } from "graphql-sse";
import { newcomer, RoostServer, until } from "@roost/testserver";

let server: RoostServer;
before(async () => {
  server = await RoostServer.start();
});
after(() => server.stop());

interface Answer {
  readonly data?: any;
  readonly errors?: readonly { readonly extensions?: Record<string, unknown> }[];
}

/** Somebody new, with a client of graphql-sse. */
async function reader() {
  let key: string | undefined;
  const client = createClient({
    url: () => `${server.url}/graphql`,
    headers: (): Record<string, string> => (key === undefined ? {} : { Authorization: `Bearer ${key}` }),
    retryAttempts: 0, // the test subscribes again by itself
  });
  const run = async (query: string, variables: Record<string, unknown> = {}): Promise<Answer> => {
    const results: ExecutionResult[] = [];
    for await (const result of client.iterate({ query, variables })) {
      results.push(result as ExecutionResult);
    }
    assert.equal(results.length, 1, "a query or mutation has one result");
    return results[0] as Answer;
  };
  const { data } = await run("mutation($input: SignUpInput!) { signUp(input: $input) { token userErrors { message } } }", {
    input: { ...newcomer("sse"), tokenDelivery: "TOKEN" },
  });
  key = data.signUp.token;
  const post = async (text: string): Promise<void> => {
    const posted = await run("mutation($text: String!) { createTweet(input: {text: $text}) { tweet { id } userErrors { message } } }", { text });
    assert.equal(posted.errors, undefined);
  };
  return { client, run, post };
}

const events = `subscription($after: String) { homeTimelineEvents(after: $after) { __typename cursor
  ... on TimelineEntryAdded { edge { node { text } } } } }`;

test("a home timeline continues from the last cursor", async (t) => {
  const { client, run, post } = await reader();
  const first = await run("{ viewer { homeTimeline(first: 1) { eventCursor } } }");
  let cursor: string = first.data.viewer.homeTimeline.eventCursor;
  const texts: string[] = [];
  let ends = 0;
  let leave = (): void => {};
  const subscribe = (): void => {
    leave = client.subscribe<any>(
      { query: events, variables: { after: cursor } },
      {
        next: ({ data, errors }) => {
          assert.equal(errors, undefined);
          cursor = data.homeTimelineEvents.cursor;
          texts.push(data.homeTimelineEvents.edge.node.text);
        },
        error: () => ends++, // the stream ended without `complete`
        complete: () => {},
      },
    );
  };
  t.after(() => leave());
  subscribe();
  const wanted: string[] = [];
  const say = async (text: string): Promise<void> => {
    await post(text);
    wanted.push(text);
  };
  const shows = (): Promise<void> => until(`${wanted.length} tweets have come`, () => texts.length >= wanted.length);
  await say("live");
  await shows();
  for (const end of [() => server.shutDown(), () => server.kill()]) {
    const before = ends;
    await end();
    await until("the client notices", () => ends > before);
    await server.restart();
    await say(`after end ${ends}`);
    subscribe();
    await shows();
    await say(`live after end ${ends}`);
    await shows();
  }
  assert.deepEqual(texts, wanted, "nothing is missed, nothing comes twice");
});

test("errors are results, and the end of the session ends a stream with one", async () => {
  const { client, run, post } = await reader();
  const invalid = await run("{ nothing }");
  assert.equal(invalid.errors?.[0]?.extensions?.["code"], "BAD_REQUEST");
  const results: any[] = [];
  let complete = false;
  client.subscribe<any>(
    { query: events },
    { next: (result) => results.push(result), error: (error) => assert.fail(String(error)), complete: () => (complete = true) },
  );
  await until("the stream runs", async () => {
    await post("are you there?"); // one after another: the end of the session would refuse what is on its way
    return results.length > 0;
  });
  await run("mutation { logOut { userErrors { message } } }");
  await until("the stream is complete", () => complete);
  assert.equal(results.at(-1).errors[0].extensions.code, "UNAUTHENTICATED");
  assert.equal(results.at(-1).errors[0].extensions.closeCode, 4403);
});
