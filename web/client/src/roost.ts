import { ApolloClient, ApolloLink, HttpLink, type OperationVariables, type TypedDocumentNode } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { OperationTypeNode } from "graphql";
import { map, type Observable } from "rxjs";
import { sameSite } from "./address.js";
import { newCache } from "./cache.js";
import { fetchById, printId } from "./documents.js";
import {
  LogIn,
  LogOut,
  Me,
  SignUp,
  type LogInInput,
  type LogInMutation,
  type LogOutMutation,
  type MeQuery,
  type SignUpInput,
  type SignUpMutation,
} from "./generated/operations.js";
import { LiveReactions } from "./reactions.js";
import { LiveSubjects } from "./subjects.js";
import { resultOf, type Result } from "./results.js";
import { Socket, type ConnectionState } from "./socket.js";
import { LiveTimeline, type TimelineOptions } from "./timeline.js";
import { TweetStates } from "./tweets.js";

/** How to reach a Roost. */
export interface RoostOptions {
  /**
   * Where it is, such as `http://localhost:8080`. With `auth: "cookie"` a page of this machine asks a server of this
   * machine under the page's own host name, because a browser keeps cookies from other sites.
   */
  readonly url: string;
  /** `cookie` for browsers (the default), `key` for apps and scripts, which keep the key themselves. */
  readonly auth?: "cookie" | "key";
  /** The key of an earlier sign-in, with `auth: "key"`. */
  readonly key?: string | undefined;
  /** The WebSocket class where there is none by nature, as in Node 20: that of `ws`. */
  readonly webSocket?: unknown;
  /**
   * `id` names the generated documents by their hash instead of sending their texts. The server must have them: start it
   * with `--documents documents.json`, the manifest beside the client's code. Documents of your own are sent as texts,
   * the default, unless they are in `operations` and generated, too.
   */
  readonly documents?: "text" | "id";
  /** What sends requests over HTTP, instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** A client of one Roost, for one viewer at a time. */
export class Roost {
  /** For what this class has no method for; its cache is shared. */
  readonly apollo: ApolloClient;
  /** The changing state of single tweets, which `useTweet` follows. */
  readonly tweets: TweetStates;
  readonly #auth: "cookie" | "key";
  readonly #socket: Socket;
  /** What goes on from session to session. */
  readonly #live = new Set<LiveTimeline | LiveReactions>();
  readonly #subjects = new LiveSubjects((ids) => this.liveReactions(ids));
  #key: string | undefined;

  constructor(options: RoostOptions) {
    this.#auth = options.auth ?? "cookie";
    this.#key = options.key;
    const uri = `${this.#auth === "cookie" ? sameSite(options.url) : options.url.replace(/\/$/, "")}/graphql`;
    this.#socket = new Socket({
      url: uri.replace(/^http/, "ws"),
      key: () => this.#key,
      webSocket: options.webSocket,
      byId: options.documents === "id",
    });
    const http = new HttpLink({
      uri,
      credentials: this.#auth === "cookie" ? "include" : "omit",
      enhancedClientAwareness: { transport: false },
      ...(options.documents === "id" ? { print: printId } : {}),
      fetch: options.documents === "id" ? fetchById(options.fetch) : (options.fetch ?? fetch),
    });
    const authorize = new SetContextLink(({ headers }) =>
      this.#key === undefined ? {} : { headers: { ...(headers as object), authorization: `Bearer ${this.#key}` } },
    );
    this.apollo = new ApolloClient({
      cache: newCache(),
      link: ApolloLink.split(
        ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
        this.#socket.link(),
        authorize.concat(http),
      ),
    });
    this.tweets = new TweetStates(this.apollo.cache);
    // When the store is empty, and before mounted queries ask again.
    this.apollo.onResetStore(async () => this.#live.forEach((live) => live.enter()));
  }

  /** The session key, with `auth: "key"`: whoever has it is signed in, keep it well. */
  get key(): string | undefined {
    return this.#key;
  }

  /** How live updates are doing. With React: `useSyncExternalStore(roost.onConnection, () => roost.connection)`. */
  get connection(): ConnectionState {
    return this.#socket.state;
  }

  /** Calls the listener after each change of `connection`, until the returned function is called. */
  readonly onConnection = (listener: () => void): (() => void) => this.#socket.onChange(listener);

  /** Asks the server. Rejects when the operation failed; `codeOf` tells why. */
  async query<TData, TVariables extends OperationVariables>(
    query: TypedDocumentNode<TData, TVariables>,
    ...[variables]: Args<TVariables>
  ): Promise<TData> {
    const { data } = await this.apollo.query<TData>({
      query,
      variables: variables as OperationVariables,
      fetchPolicy: "network-only",
    });
    return data as TData;
  }

  /** Carries out a mutation of one field. A refusal is a result, only a failure rejects. */
  async act<TData extends object, TVariables extends OperationVariables>(
    mutation: TypedDocumentNode<TData, TVariables>,
    ...[variables]: Args<TVariables>
  ): Promise<Result<TData>> {
    const { data } = await this.apollo.mutate<TData>({ mutation, variables: variables as OperationVariables });
    return resultOf(data as TData);
  }

  /** Live updates; they outlive lost connections, and go into the cache by themselves. */
  subscribe<TData, TVariables extends OperationVariables>(
    query: TypedDocumentNode<TData, TVariables>,
    ...[variables]: Args<TVariables>
  ): Observable<TData> {
    return this.apollo.subscribe<TData>({ query, variables: variables as OperationVariables }).pipe(
      map(({ data, error }) => {
        if (error) {
          throw error;
        }
        return data as TData;
      }),
    );
  }

  /** The viewer's home timeline, kept up to date until it is closed. It follows whoever signs in. */
  homeTimeline(options: TimelineOptions): LiveTimeline {
    const timeline = new LiveTimeline(this.apollo, this.tweets, options, () => this.#live.delete(timeline));
    this.#live.add(timeline);
    return timeline;
  }

  /** Keeps the counts of some tweets, those on screen, up to date in the cache; gives what ends it. */
  liveReactions(subjectIds: readonly string[], onError: (error: unknown) => void = () => {}): () => void {
    const reactions = new LiveReactions(this.apollo, subjectIds, onError);
    this.#live.add(reactions);
    return () => {
      this.#live.delete(reactions);
      reactions.leave();
    };
  }

  /**
   * Keeps the counts of one tweet up to date in the cache, until the returned function is called. Tweets that come and go
   * at about the same time, as when somebody scrolls, share a subscription.
   */
  watchReactions(subjectId: string): () => void {
    return this.#subjects.watch(subjectId);
  }

  /** Makes an account and signs in. */
  async signUp(input: Omit<SignUpInput, "tokenDelivery">): Promise<Result<SignUpMutation>> {
    return this.#enter(await this.act(SignUp, { input: { ...input, tokenDelivery: this.#delivery } }));
  }

  /** Signs in. */
  async logIn(input: Omit<LogInInput, "tokenDelivery">): Promise<Result<LogInMutation>> {
    return this.#enter(await this.act(LogIn, { input: { ...input, tokenDelivery: this.#delivery } }));
  }

  /** Ends the session, and forgets all that it read. */
  async logOut(): Promise<Result<LogOutMutation>> {
    this.#live.forEach((live) => live.leave()); // else they would report the end as an error
    let ended = false;
    try {
      const result = await this.act(LogOut);
      ended = result.ok;
      return result;
    } finally {
      if (ended) {
        await this.#changeSession(undefined);
      } else {
        this.#live.forEach((live) => live.enter());
      }
    }
  }

  /** Forgets a session that ended elsewhere, and all that it read. What goes on, goes on signed out. */
  async forgetSession(): Promise<void> {
    await this.#changeSession(undefined);
  }

  /** Ends everything that runs. */
  close(): void {
    this.#subjects.close();
    this.#live.forEach((live) => live.leave());
    this.apollo.stop();
    this.#socket.close();
  }

  get #delivery(): "COOKIE" | "TOKEN" {
    return this.#auth === "cookie" ? "COOKIE" : "TOKEN";
  }

  async #enter<R extends Result<SignUpMutation> | Result<LogInMutation>>(result: R): Promise<R> {
    if (result.ok) {
      const { token, viewer } = result.value;
      await this.#changeSession(token ?? undefined, { __typename: "Query", viewer });
    }
    return result;
  }

  /**
   * A cache holds one viewer's view, and a socket belongs to the session that it was opened with. Mounted queries ask
   * again; they are not waited for, and report their failures themselves. Who is signed in now is known at once.
   */
  async #changeSession(key: string | undefined, me: MeQuery = { __typename: "Query", viewer: null }): Promise<void> {
    this.#key = key;
    this.#live.forEach((live) => live.leave());
    this.#socket.reconnect();
    await new Promise<void>((emptied) => {
      const stop = this.apollo.onResetStore(async () => {
        stop();
        this.apollo.cache.writeQuery({ query: Me, data: me });
        emptied();
      });
      this.apollo.resetStore().catch(() => emptied());
    });
  }
}

/** Variables may be left out when there are none to give. */
type Args<TVariables> = Record<string, never> extends TVariables ? [variables?: TVariables] : [variables: TVariables];

/** A client of the Roost at a URL. */
export function connect(options: RoostOptions): Roost {
  return new Roost(options);
}
