// The first script of the page: it asks for what the page shows, while the app itself is still on its way. See early.ts.
declare const FIRST_DOCUMENTS: Record<string, readonly [id: string, text: string]>;

const byId = /"documents":"id"/.test(document.getElementById("settings")?.textContent ?? "");
const early = new Map<string, Promise<Response>>();
(globalThis as { early?: typeof early }).early = early;

function ask(operationName: string, variables: object): void {
  const [id, query] = FIRST_DOCUMENTS[operationName] ?? [];
  const answer = fetch("/graphql", {
    method: "POST",
    credentials: "include",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json,application/json;q=0.9" },
    body: JSON.stringify({ operationName, variables, ...(byId ? { documentId: id } : { query }) }),
  });
  answer.catch(() => {}); // whoever wants it sees to that
  early.set(`${operationName} ${JSON.stringify(variables)}`, answer);
}

ask("Me", {});
const [, tweet] = /^\/tweets\/([\w-]+)$/.exec(location.pathname) ?? [];
if (tweet !== undefined) {
  ask("Thread", { id: tweet, first: 20, orderBy: "RELEVANT" });
} else if (location.pathname === "/") {
  ask("HomeTimeline", { first: 20 });
}
