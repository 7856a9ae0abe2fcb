import type { ApolloClient } from "@apollo/client";
import { Again } from "./again.js";
import { ReactionsChanged } from "./generated/operations.js";

/** Keeps the counts of some tweets up to date in the cache. Whenever it subscribes, the server begins with the current counts. */
export class LiveReactions {
  readonly #apollo: ApolloClient;
  readonly #subjectIds: string[];
  readonly #onError: (error: unknown) => void;
  readonly #again = new Again(() => this.enter());
  #updates: { unsubscribe(): void } | undefined;

  /** Is made by Roost.liveReactions. */
  constructor(apollo: ApolloClient, subjectIds: readonly string[], onError: (error: unknown) => void) {
    this.#apollo = apollo;
    this.#subjectIds = [...subjectIds];
    this.#onError = onError;
    this.enter();
  }

  /** Stops: Roost calls it when the session ends, and `enter` when the next one has begun. */
  leave(): void {
    this.#again.stop();
    this.#updates?.unsubscribe();
  }

  /** Subscribes, in another session or after a failure. */
  enter(): void {
    this.#updates?.unsubscribe();
    this.#updates = this.#apollo
      .subscribe({ query: ReactionsChanged, variables: { subjectIds: this.#subjectIds } })
      .subscribe({
        next: ({ error }) => {
          if (error) {
            this.#updates?.unsubscribe();
            this.#onError(error);
            this.#again.soon(error);
          } else {
            this.#again.succeeded();
          }
        },
        complete: () => this.#again.soon(undefined),
      });
  }
}
