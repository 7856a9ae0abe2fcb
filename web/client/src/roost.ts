import { ApolloClient, ApolloLink, HttpLink, type OperationVariables, type TypedDocumentNode } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { map, type Observable } from "rxjs";
import { newCache } from "./cache.js";
import {
  LogIn,
  LogOut,
  ReactionsChanged,
  SignUp,
  type LogInInput,
  type LogInMutation,
  type LogOutMutation,
  type SignUpInput,
  type SignUpMutation,
} from "./generated/operations.js";
import { resultOf, type Result } from "./results.js";
import { Socket } from "./socket.js";
import { LiveTimeline, type TimelineOptions } from "./timeline.js";

/** How to reach a Roost. */
export interface RoostOptions {
  /** Where it is, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** `cookie` for browsers (the default), `key` for apps and scripts, which keep the key themselves. */
  readonly auth?: "cookie" | "key";
  /** The key of an earlier sign-in, with `auth: "key"`. */
  readonly key?: string | undefined;
  /** The WebSocket class where there is none by nature, as in Node 20: that of `ws`. */
  readonly webSocket?: unknown;
}

/** A client of one Roost, for one viewer at a time. */
export class Roost {
  /** For what this class has no method for; its cache is shared. */
  readonly apollo: ApolloClient;
  readonly #auth: "cookie" | "key";
  readonly #socket: Socket;
  #key: string | undefined;

  constructor(options: RoostOptions) {
    this.#auth = options.auth ?? "cookie";
    this.#key = options.key;
    const uri = `${options.url.replace(/\/$/, "")}/graphql`;
    this.#socket = new Socket({
      url: uri.replace(/^http/, "ws"),
      key: () => this.#key,
      webSocket: options.webSocket,
    });
    const http = new HttpLink({
      uri,
      credentials: this.#auth === "cookie" ? "include" : "omit",
      enhancedClientAwareness: { transport: false },
    });
    const authorize = new SetContextLink(() =>
      this.#key === undefined ? {} : { headers: { authorization: `Bearer ${this.#key}` } },
    );
    this.apollo = new ApolloClient({
      cache: newCache(),
      link: ApolloLink.split(
        ({ operationType, getContext }) =>
          operationType === OperationTypeNode.SUBSCRIPTION || getContext()["overSocket"] === true,
        new GraphQLWsLink(this.#socket.client),
        authorize.concat(http),
      ),
    });
  }

  /** The session key, with `auth: "key"`: whoever has it is signed in, keep it well. */
  get key(): string | undefined {
    return this.#key;
  }

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

  /** The viewer's home timeline, kept up to date until it is closed. */
  homeTimeline(options: TimelineOptions): LiveTimeline {
    return new LiveTimeline(this.apollo, this.#socket, options);
  }

  /** Keeps the counts of some tweets, those on screen, up to date in the cache; gives what ends it. */
  liveReactions(subjectIds: readonly string[], onError: (error: unknown) => void = () => {}): () => void {
    const updates = this.subscribe(ReactionsChanged, { subjectIds: [...subjectIds] }).subscribe({ error: onError });
    return () => updates.unsubscribe();
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
    const result = await this.act(LogOut);
    if (result.ok) {
      await this.#changeSession(undefined);
    }
    return result;
  }

  /** Ends everything that runs. */
  close(): void {
    this.apollo.stop();
    this.#socket.close();
  }

  get #delivery(): "COOKIE" | "TOKEN" {
    return this.#auth === "cookie" ? "COOKIE" : "TOKEN";
  }

  async #enter<R extends Result<SignUpMutation> | Result<LogInMutation>>(result: R): Promise<R> {
    if (result.ok) {
      await this.#changeSession(result.value.token ?? undefined);
    }
    return result;
  }

  /** A cache holds one viewer's view, and a socket belongs to the session that it was opened with. */
  async #changeSession(key: string | undefined): Promise<void> {
    this.#key = key;
    await this.apollo.clearStore();
    this.#socket.reconnect();
  }
}

/** Variables may be left out when there are none to give. */
type Args<TVariables> = Record<string, never> extends TVariables ? [variables?: TVariables] : [variables: TVariables];

/** A client of the Roost at a URL. */
export function connect(options: RoostOptions): Roost {
  return new Roost(options);
}
