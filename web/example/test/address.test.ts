// On one machine, the page and the API are of one site whatever they are called.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, Me } from "@roost/client";
import WebSocket from "ws";

const asked: string[] = [];
const answer: typeof fetch = async (input) => {
  asked.push(String(input));
  return new Response(JSON.stringify({ data: { viewer: null } }), { headers: { "Content-Type": "application/json" } });
};
const real = globalThis.fetch;
before(() => {
  globalThis.fetch = answer;
});
after(() => {
  globalThis.fetch = real;
  Reflect.deleteProperty(globalThis, "location");
});

const none = undefined;
for (const [page, url, auth, want] of [
  ["localhost", "http://127.0.0.1:8080", "cookie", "http://localhost:8080/graphql"],
  ["localhost", "http://[::1]:8080/", "cookie", "http://localhost:8080/graphql"],
  ["127.0.0.1", "http://localhost:8080", "cookie", "http://127.0.0.1:8080/graphql"],
  ["[::1]", "http://localhost:8080", "cookie", "http://[::1]:8080/graphql"],
  ["app.localhost", "http://localhost:8080/api/", "cookie", "http://app.localhost:8080/api/graphql"],
  ["localhost", "http://127.0.0.1:8080", "key", "http://127.0.0.1:8080/graphql"], // a key needs no site
  ["localhost", "https://api.example.com", "cookie", "https://api.example.com/graphql"],
  ["app.example.com", "http://127.0.0.1:8080", "cookie", "http://127.0.0.1:8080/graphql"],
  ["127.example.com", "http://127.0.0.1:8080", "cookie", "http://127.0.0.1:8080/graphql"],
  [none, "http://127.0.0.1:8080", "cookie", "http://127.0.0.1:8080/graphql"],
] as const) {
  test(`a page of ${page} asks ${url} with a ${auth} at ${want}`, async (t) => {
    Object.defineProperty(globalThis, "location", { value: page === none ? none : { hostname: page }, configurable: true });
    const roost = connect({ url, auth, webSocket: WebSocket });
    t.after(() => roost.close());
    asked.length = 0;
    await roost.query(Me);
    assert.deepEqual(asked, [want]);
  });
}
