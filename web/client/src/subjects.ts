const gatherFor = 200; // milliseconds in which tweets that come on screen are gathered
const mostTogether = 50; // tweets of one subscription; a server allows 100 (`Limits.batchSize`)

/** A subscription to the counts of some tweets. */
interface Batch {
  readonly ids: readonly string[];
  readonly end: () => void;
}

/**
 * The tweets whose counts somebody watches. They are subscribed to in batches. A batch ends when three in four of its
 * tweets are no longer watched; the others move into the next batch.
 */
export class LiveSubjects {
  readonly #subscribe: (ids: readonly string[]) => () => void;
  readonly #watchers = new Map<string, number>();
  readonly #batchOf = new Map<string, Batch>();
  readonly #batches = new Set<Batch>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The argument subscribes to the counts of some tweets, and returns what ends the subscription. */
  constructor(subscribe: (ids: readonly string[]) => () => void) {
    this.#subscribe = subscribe;
  }

  /** Watches a tweet until the returned function is called. */
  watch(id: string): () => void {
    this.#watchers.set(id, (this.#watchers.get(id) ?? 0) + 1);
    this.#soon();
    let watching = true;
    return () => {
      if (watching) {
        watching = false;
        const left = (this.#watchers.get(id) ?? 1) - 1;
        if (left > 0) {
          this.#watchers.set(id, left);
        } else {
          this.#watchers.delete(id);
        }
        this.#soon();
      }
    };
  }

  /** Ends all subscriptions. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#batches.forEach((batch) => batch.end());
    this.#batches.clear();
    this.#batchOf.clear();
    this.#watchers.clear();
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#settle();
    }, gatherFor);
  }

  #settle(): void {
    for (const batch of this.#batches) {
      const watched = batch.ids.filter((id) => this.#watchers.has(id)).length;
      if (watched * 4 <= batch.ids.length) {
        batch.end();
        this.#batches.delete(batch);
        batch.ids.forEach((id) => this.#batchOf.delete(id));
      }
    }
    const missing = [...this.#watchers.keys()].filter((id) => !this.#batchOf.has(id));
    for (let at = 0; at < missing.length; at += mostTogether) {
      const ids = missing.slice(at, at + mostTogether);
      const batch = { ids, end: this.#subscribe(ids) };
      this.#batches.add(batch);
      ids.forEach((id) => this.#batchOf.set(id, batch));
    }
  }
}
