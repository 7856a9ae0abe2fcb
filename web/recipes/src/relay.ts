import { Environment, Network, Observable, RecordSource, Store, type GraphQLResponse } from "relay-runtime";
import { createClient } from "graphql-ws";

/** An environment whose queries and mutations go over HTTP, and whose subscriptions over a websocket. */
export function newEnvironment(roost: string, key?: string, webSocketImpl?: unknown): { environment: Environment; close: () => void } {
  const url = `${roost}/graphql`;
  const authorization = key ? { Authorization: `Bearer ${key}` } : undefined; // browsers have a cookie instead
  const socket = createClient({ url: url.replace(/^http/, "ws"), webSocketImpl, connectionParams: { ...authorization }, retryAttempts: Infinity });
  const network = Network.create(
    async ({ text }, variables) => {
      const response = await fetch(url, {
        method: "POST",
        credentials: "include",
        headers: { "Content-Type": "application/json", ...authorization },
        body: JSON.stringify({ query: text, variables }),
      });
      return (await response.json()) as GraphQLResponse; // also of a refused request: it has `errors`
    },
    ({ text }, variables) =>
      Observable.create<GraphQLResponse>((sink) =>
        socket.subscribe(
          { query: text ?? "", variables },
          { next: (result) => sink.next(result as GraphQLResponse), error: (error) => sink.error(error as Error), complete: () => sink.complete() },
        ),
      ),
  );
  return { environment: new Environment({ network, store: new Store(new RecordSource()) }), close: () => void socket.dispose() };
}
