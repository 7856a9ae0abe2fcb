import { ApolloLink, CombinedGraphQLErrors, type OperationVariables } from "@apollo/client";
import { print } from "graphql";
import { CloseCode, createClient, type Client, type SubscribePayload } from "graphql-ws";
import { Observable } from "rxjs";
import { documentIdOf } from "./documents.js";
import { SessionOver } from "./results.js";

/** What a Socket needs. */
export interface SocketOptions {
  /** The address of the API, `ws:` or `wss:`. */
  readonly url: string;
  /** The session key to send; undefined leaves it to the cookie. */
  readonly key: () => string | undefined;
  /** The WebSocket class where there is none by nature, as in Node 20. */
  readonly webSocket?: unknown;
  /** Whether documents that have an identifier are named by it, instead of being sent. */
  readonly byId?: boolean;
}

/**
 * How live updates are doing: `idle` while nothing is subscribed, `connecting` for the first time, `open`, `waiting` to
 * connect again after the connection broke, or `ended` because the session is over.
 */
export type ConnectionState = "idle" | "connecting" | "open" | "waiting" | "ended";

const pingEvery = 15_000; // milliseconds
const pongTimeout = 5_000; // milliseconds, else the connection is taken for dead
const longestWait = 15_000; // milliseconds between two attempts to connect

/**
 * The one websocket of a client. It opens when something subscribes, and whenever it breaks it opens again
 * and subscribes again, for as long as it takes; only the end of the session ends it.
 */
export class Socket {
  readonly #client: Client;
  readonly #byId: boolean;
  readonly #listeners = new Set<() => void>();
  #state: ConnectionState = "idle";
  #opening = false; // a connection is being made
  #outdated = false; // and for a session that is not the client's any more

  constructor(options: SocketOptions) {
    this.#byId = options.byId ?? false;
    let patience: ReturnType<typeof setTimeout> | undefined;
    this.#client = createClient({
      url: options.url,
      connectionParams: () => {
        const key = options.key();
        return key === undefined ? undefined : { Authorization: `Bearer ${key}` };
      },
      webSocketImpl: options.webSocket,
      keepAlive: pingEvery,
      lazyCloseTimeout: 3_000,
      retryAttempts: Infinity,
      retryWait: (attempt) => new Promise((resolve) => setTimeout(resolve, waitBefore(attempt))),
      shouldRetry,
      on: {
        connecting: (again) => {
          this.#opening = true;
          this.#change(again ? "waiting" : "connecting");
        },
        opened: () => {
          this.#opening = false;
          if (this.#outdated) {
            this.#outdated = false;
            this.#client.terminate();
          }
        },
        connected: () => this.#change("open"),
        closed: (event) => {
          this.#opening = this.#outdated = false;
          clearTimeout(patience);
          const code = closeCode(event);
          this.#change(code === CloseCode.Forbidden ? "ended" : code === 1000 ? "idle" : "waiting");
        },
        ping: (received) => {
          if (!received) {
            patience = setTimeout(() => this.#client.terminate(), pongTimeout);
          }
        },
        pong: (received) => {
          if (received) {
            clearTimeout(patience);
          }
        },
      },
    });
  }

  /** The state of the connection. */
  get state(): ConnectionState {
    return this.#state;
  }

  /** Calls the listener after each change of the state, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The link over this socket. An operation whose context has `resume`, a function, gets the variables that it returns
   * besides its own, each time that it is sent: also after the connection broke.
   */
  link(): ApolloLink {
    return new ApolloLink((operation) => {
      const { operationName, variables, extensions, getContext } = operation;
      const resume = getContext()["resume"] as (() => OperationVariables) | undefined;
      const documentId = this.#byId ? documentIdOf(operation.query) : undefined;
      const payload: SubscribePayload = {
        ...(operationName === undefined ? {} : { operationName }),
        // graphql-ws insists on a query; to Roost an empty one is none.
        ...(documentId === undefined ? { query: print(operation.query) } : { documentId, query: "" }),
        extensions,
        get variables() {
          return { ...variables, ...resume?.() };
        },
      };
      return new Observable<ApolloLink.Result>((observer) =>
        this.#client.subscribe<ApolloLink.Result["data"]>(payload, {
          next: (result) => observer.next(result as ApolloLink.Result),
          error: (reason) => observer.error(errorOf(reason)),
          complete: () => observer.complete(),
        }),
      );
    });
  }

  /** Opens the socket anew, for another session; subscriptions go on. */
  reconnect(): void {
    if (this.#opening) {
      this.#outdated = true; // Node's sockets throw, where nobody can catch it, when they are closed before they are open
    } else {
      this.#client.terminate();
    }
  }

  /** Ends all subscriptions and the socket. */
  close(): void {
    // It waits for a connection that is being made, to close it; when none comes about, so much the better.
    Promise.resolve(this.#client.dispose()).catch(() => {});
  }

  #change(state: ConnectionState): void {
    if (state !== this.#state) {
      this.#state = state;
      [...this.#listeners].forEach((listener) => listener());
    }
  }
}

/** Why an operation ended: its errors, or the end of the connection. */
function errorOf(reason: unknown): Error {
  if (reason instanceof Error) {
    return reason;
  }
  if (Array.isArray(reason)) {
    return new CombinedGraphQLErrors({ errors: reason });
  }
  return new Error(`the connection was closed with code ${String(closeCode(reason))}`);
}

function closeCode(event: unknown): unknown {
  return typeof event === "object" && event !== null && "code" in event ? event.code : undefined;
}

/** Whatever went wrong may be better next time, but for a session that is over. */
function shouldRetry(reason: unknown): boolean {
  if (closeCode(reason) === CloseCode.Forbidden) {
    throw new SessionOver();
  }
  return true;
}

/** Doubles from 200 ms, and is spread so that the clients of a restarted server do not all come at once. */
export function waitBefore(attempt: number): number {
  return Math.min(longestWait, 200 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}
