// A server that runs nothing but the client's manifest: the client works by identifiers, and nothing else does.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import * as client from "@roost/client";
import { codeOf, connect, CreateTweet, done, Me, newCache, type Roost } from "@roost/client";
import { newcomer, RoostServer, until } from "@roost/testserver";
import { type DocumentNode, OperationTypeNode, parse, print } from "graphql";
import WebSocket from "ws";

const manifest = new URL("../../../client/documents.json", import.meta.url);
let texts: Record<string, string>;
let server: RoostServer;
before(async () => {
  texts = JSON.parse(await readFile(manifest, "utf8"));
  server = await RoostServer.start({ flags: ["--documents", manifest.pathname, "--documents-only"] });
});
after(() => server.stop());

/** Somebody who is not signed in, and leaves with the test. */
function visitor(t: { after(fn: () => void): void }, documents: "text" | "id"): Roost {
  const roost = connect({ url: server.url, auth: "key", webSocket: WebSocket, documents });
  t.after(() => roost.close());
  return roost;
}

function isDocument(value: unknown): value is DocumentNode {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "Document";
}

test("the manifest has each operation as Apollo Client sends it", () => {
  const cache = newCache();
  const sent = Object.values(client as Record<string, unknown>)
    .filter(isDocument)
    .filter(({ definitions }) => definitions.some(({ kind }) => kind === "OperationDefinition"))
    .map((document) => print(cache.transformDocument(document)));
  assert.ok(sent.length > 10, `${sent.length} operations`);
  assert.deepEqual(
    Object.fromEntries(sent.map((text) => [`sha256:${createHash("sha256").update(text).digest("hex")}`, text])),
    texts,
  );
});

test("the client works by identifiers alone", async (t) => {
  const roost = visitor(t, "id");
  const { user } = done(await roost.signUp(newcomer())).viewer;
  assert.equal((await roost.query(Me)).viewer?.user.id, user.id);
  const seen: string[] = [];
  const timeline = roost.homeTimeline({
    onChange: ({ entries }) => seen.push(...entries.map(({ node }) => node.text)),
    onError: (error) => seen.push(String(error)),
  });
  await timeline.more();
  await until("live updates", () => roost.connection === "open");
  done(await roost.act(CreateTweet, { input: { text: "by its identifier" } }));
  await until("the tweet comes in", () => seen.includes("by its identifier"));
  timeline.close();
  assert.deepEqual(seen.filter((text) => text !== "by its identifier"), []);
});

test("texts are refused, over HTTP and over the socket", async (t) => {
  const roost = visitor(t, "text");
  await assert.rejects(roost.query(Me), (error) => codeOf(error) === "FORBIDDEN");
  const other = visitor(t, "id");
  const own = parse("query { __typename }") as never;
  await assert.rejects(other.query(own), (error) => codeOf(error) === "FORBIDDEN");
  const stream = parse(`${OperationTypeNode.SUBSCRIPTION} { sessionEnded { reason } }`) as never;
  await assert.rejects(
    new Promise<void>((resolve, reject) => {
      other.subscribe(stream).subscribe({ next: () => resolve(), error: reject, complete: resolve });
    }),
    (error) => codeOf(error) === "FORBIDDEN",
  );
});
