import { Again } from "./again.js";
import { NewestReplies, ReplyAdded, type ReplyAddedSubscription } from "./generated/operations.js";
import type { Roost } from "./roost.js";

/** A reply to a tweet, as an event brings it. */
export type Reply = ReplyAddedSubscription["replyAdded"];

const settleFor = 1_000; // milliseconds on an open socket after which the server has begun a subscription
const mostMissed = 20; // replies that are looked for at the beginning

/** What LiveReplies reports and asks. */
interface ReplyOptions {
  /** Gets each new reply; one may come twice. */
  readonly onReply: (reply: Reply) => void;
  /** How many replies the tweet has, as far as is known here. */
  readonly count: () => number | undefined;
}

/**
 * The new replies to a tweet. After a broken connection, or a failure, it goes on behind the last one. While none has come
 * there is nothing to go on behind: then the newest replies are read once the subscription has begun, so none is missed that
 * came between the reading of the thread and that.
 */
export class LiveReplies {
  readonly #roost: Roost;
  readonly #tweetId: string;
  readonly #options: ReplyOptions;
  readonly #again = new Again(() => this.#subscribe());
  #cursor: string | undefined;
  #events: { unsubscribe(): void } | undefined;
  readonly #unwatch: () => void;
  #settled: ReturnType<typeof setTimeout> | undefined;

  /** Subscribes at once. */
  constructor(roost: Roost, tweetId: string, options: ReplyOptions) {
    this.#roost = roost;
    this.#tweetId = tweetId;
    this.#options = options;
    this.#unwatch = roost.onConnection(() => this.#settle());
    this.#subscribe();
  }

  /** Stops. */
  close(): void {
    this.#again.stop();
    this.#events?.unsubscribe();
    this.#unwatch();
    clearTimeout(this.#settled);
  }

  #subscribe(): void {
    this.#events?.unsubscribe();
    const context = { resume: () => (this.#cursor === undefined ? {} : { after: this.#cursor }), queryDeduplication: false };
    this.#events = this.#roost.apollo.subscribe({ query: ReplyAdded, variables: { tweetId: this.#tweetId }, context }).subscribe({
      next: ({ data, error }) => {
        if (error || !data) {
          this.#events?.unsubscribe();
          this.#again.soon(error);
          return;
        }
        this.#again.succeeded();
        this.#cursor = data.replyAdded.cursor;
        this.#options.onReply(data.replyAdded);
      },
      complete: () => this.#again.soon(undefined),
    });
    this.#settle();
  }

  /** Catches up when the subscription has begun, unless it has something to go on behind. */
  #settle(): void {
    clearTimeout(this.#settled);
    if (this.#cursor === undefined && this.#roost.connection === "open") {
      this.#settled = setTimeout(() => void this.#catchUp().catch((error: unknown) => this.#again.soon(error)), settleFor);
    }
  }

  /** Reads the newest replies if there are more of them than is known here. */
  async #catchUp(): Promise<void> {
    const variables = { id: this.#tweetId, first: mostMissed };
    const { data } = await this.#roost.apollo.query({ query: NewestReplies, variables, fetchPolicy: "no-cache" });
    const { replyCount = 0, replies } = data?.tweet ?? {};
    const missed = Math.max(0, replyCount - (this.#options.count() ?? replyCount));
    const edges = replies?.edges.slice(0, missed) ?? [];
    [...edges].reverse().forEach((reply) => this.#options.onReply(reply));
  }
}
