import { CloseCode, createClient, type Client } from "graphql-ws";
import { SessionOver } from "./results.js";

/** What a Socket needs. */
export interface SocketOptions {
  /** The address of the API, `ws:` or `wss:`. */
  readonly url: string;
  /** The session key to send; undefined leaves it to the cookie. */
  readonly key: () => string | undefined;
  /** The WebSocket class where there is none by nature, as in Node 20. */
  readonly webSocket?: unknown;
}

const pingEvery = 15_000; // milliseconds
const pongWithin = 5_000; // milliseconds, else the connection is taken for dead
const longestWait = 15_000; // milliseconds between two attempts to connect

/**
 * The one websocket of a client. It opens when something subscribes, and whenever it breaks it opens again
 * and subscribes again, for as long as it takes; only the end of the session ends it.
 */
export class Socket {
  readonly client: Client;
  readonly #listeners = new Set<() => void>();
  #connected = false;

  constructor(options: SocketOptions) {
    let patience: ReturnType<typeof setTimeout> | undefined;
    this.client = createClient({
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
        // Subscriptions are sent right after this event; who listens comes behind them.
        connected: () => {
          this.#connected = true;
          setTimeout(() => this.#listeners.forEach((listener) => listener()), 0);
        },
        closed: () => {
          this.#connected = false;
          clearTimeout(patience);
        },
        ping: (received) => {
          if (!received) {
            patience = setTimeout(() => this.client.terminate(), pongWithin);
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

  /** Whether the socket is open and acknowledged. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Calls the listener whenever the socket has opened and what was subscribed is subscribed again. */
  onConnected(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Opens the socket anew, for another session; subscriptions go on. */
  reconnect(): void {
    this.client.terminate();
  }

  /** Ends all subscriptions and the socket. */
  close(): void {
    // It waits for a connection that is being made, to close it; when none comes about, so much the better.
    Promise.resolve(this.client.dispose()).catch(() => {});
  }
}

/** Whatever went wrong may be better next time, but for a session that is over. */
function shouldRetry(reason: unknown): boolean {
  if (typeof reason === "object" && reason !== null && "code" in reason && reason.code === CloseCode.Forbidden) {
    throw new SessionOver();
  }
  return true;
}

/** Doubles from 200 ms, and is spread so that the clients of a restarted server do not all come at once. */
function waitBefore(attempt: number): number {
  return Math.min(longestWait, 200 * 2 ** attempt) * (0.5 + Math.random() / 2);
}
