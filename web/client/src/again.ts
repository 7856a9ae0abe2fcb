import { codeOf, reasonOf, retryAfter, SessionOver } from "./results.js";
import { waitBefore } from "./socket.js";

const calmFor = 60_000; // milliseconds without a failure, after which earlier ones do not count

/** Tries something again after failures, each time after a longer wait, until it goes well. */
export class Again {
  readonly #run: () => unknown;
  #failures = 0;
  #failed = 0; // when it last failed
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(run: () => unknown) {
    this.#run = run;
  }

  /** Tries again later, unless that cannot help; an error that says when is taken at its word. */
  soon(error: unknown): void {
    if (this.#timer !== undefined || isHopeless(error)) {
      return;
    }
    if (Date.now() - this.#failed > calmFor) {
      this.#failures = 0;
    }
    this.#failed = Date.now();
    const wait = Math.max(retryAfter(error) ?? 0, waitBefore(this.#failures++));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#run();
    }, wait);
  }

  /** Forgets the failures so far. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Does not try again. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#failures = 0;
  }
}

/** Whether the same request would fail again, however long one waits. */
function isHopeless(error: unknown): boolean {
  if (error instanceof SessionOver) {
    return true;
  }
  switch (codeOf(error)) {
    case "UNAUTHENTICATED":
    case "FORBIDDEN":
    case "BAD_REQUEST":
    case "QUERY_TOO_COMPLEX":
    case "RESPONSE_TOO_LARGE":
      return reasonOf(error) !== "BAD_CURSOR";
    default:
      return false;
  }
}
