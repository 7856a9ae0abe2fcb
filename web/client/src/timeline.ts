import type { ApolloClient } from "@apollo/client";
import {
  HomeTimeline,
  HomeTimelineEvents,
  type HomeTimelineEventsSubscription,
  type HomeTimelineQuery,
  type TimelineEntryFragment,
} from "./generated/operations.js";
import { Again } from "./again.js";
import { TweetStates, withState } from "./tweets.js";

type Timeline = NonNullable<HomeTimelineQuery["viewer"]>["homeTimeline"];
type TimelineEvent = HomeTimelineEventsSubscription["homeTimelineEvents"];

/** What was read of a timeline. */
type Page = Pick<Timeline, "edges" | "pageInfo">;

const nothing: Page = { edges: [], pageInfo: { __typename: "PageInfo", hasNextPage: false, endCursor: null } };

/** What is known of a home timeline. */
export interface TimelineView {
  /** Newest first. */
  readonly entries: readonly TimelineEntryFragment[];
  /** Whether `more` can give older entries. */
  readonly hasNextPage: boolean;
}

/** How to follow a home timeline. */
export interface TimelineOptions {
  /** Entries in a page; 20. */
  readonly first?: number;
  /**
   * Whether the entries follow the cache, which is the default. With `false` their counts and names stay as they were read,
   * and `onChange` is called only when entries come and go: for long lists, of which few entries are shown. `useTweet`
   * follows those.
   */
  readonly live?: boolean;
  /** Gets the timeline whenever it has changed. */
  readonly onChange: (view: TimelineView) => void;
  /** Gets what went wrong. Live updates go on, except after the end of the session. */
  readonly onError?: (error: unknown) => void;
}

const largestPage = 100; // entries, `Limits.pageSize`
const mostKept = 1_000; // entries that are read again; with more, the oldest are left out
const mostHeld = 256; // events that wait for a page; with more, the timeline is read again

/**
 * The viewer's home timeline, live. It reads the timeline, and subscribes to what has happened since then. After a
 * broken connection it goes on from the last event; when the server no longer has what happened since, or something went
 * wrong, it reads again as far down as it was read before, so nobody who scrolls is thrown to the top.
 */
export class LiveTimeline {
  readonly #apollo: ApolloClient;
  readonly #options: TimelineOptions;
  readonly #first: number;
  readonly #tweets: TweetStates;
  readonly #ended: () => void;
  readonly #again: Again;
  readonly #watched = new Map<string, () => void>(); // what ends the watching of a tweet, by its id
  #page: Page | undefined; // undefined before the first read of a session
  #turn: Promise<void> = Promise.resolve(); // one read at a time
  #reading: Promise<void> | undefined; // the read from the top that waits for its turn
  #telling = false; // whether onChange is about to be called
  #cursor = ""; // of the last event, or of the page: where the subscription goes on
  #events: { unsubscribe(): void } | undefined;
  #held: TimelineEvent[] | undefined; // events that came while an older page was on its way: they are newer than it
  #session = 0; // counts the sessions; what was asked in an earlier one is nobody's any more
  #closed = false;

  /** Is made by Roost.homeTimeline. */
  constructor(apollo: ApolloClient, tweets: TweetStates, options: TimelineOptions, closed: () => void) {
    this.#apollo = apollo;
    this.#tweets = tweets;
    this.#options = options;
    this.#first = options.first ?? 20;
    this.#ended = closed;
    this.#again = new Again(() => this.refresh());
    void this.refresh();
  }

  /** Reads the timeline again, as far down as it was read, and goes on with what happens from then on. */
  refresh(): Promise<void> {
    this.#reading ??= this.#inTurn(async () => {
      this.#reading = undefined;
      this.#events?.unsubscribe();
      const session = this.#session;
      try {
        const timeline = await this.#readAgain();
        if (session !== this.#session) {
          return;
        }
        this.#show(timeline ?? nothing, timeline?.edges);
        if (timeline) {
          this.#cursor = timeline.eventCursor;
          this.#subscribe();
        }
      } catch (error) {
        this.#failed(error, session);
      }
    });
    return this.#reading;
  }

  /** Reads the next older page, if there is one, and tells whether there are still more. */
  async more(): Promise<boolean> {
    await this.#inTurn(async () => {
      const page = this.#page?.pageInfo;
      if (page?.hasNextPage) {
        await this.#readOlder(page.endCursor);
      }
    });
    return !this.#closed && (this.#page?.pageInfo.hasNextPage ?? false);
  }

  /** Puts an entry into its place, such as the one that `CreateTweet` gives; twice is once. */
  put(entry: TimelineEntryFragment): void {
    const page = this.#page && withEntry(this.#page, entry);
    if (page) {
      this.#show(page, [entry]);
    }
  }

  /** Forgets the session that ends: Roost calls it, and `enter` when the next one has begun. */
  leave(): void {
    this.#session++;
    this.#again.stop();
    this.#events?.unsubscribe();
    this.#page = undefined;
    this.#follow([]);
  }

  /** Begins in another session, or in none. */
  enter(): void {
    void this.refresh();
  }

  /** Stops following. */
  close(): void {
    this.#closed = true;
    this.leave();
    this.#ended();
  }

  /** Replaces what is shown. What was just read goes into the cache, so that it is known there as it is now. */
  #show(page: Page, read: readonly TimelineEntryFragment[] = []): void {
    this.#tweets.put(read.map(({ node }) => node));
    this.#page = page;
    if (this.#options.live ?? true) {
      this.#follow(page.edges);
    }
    this.#tell();
  }

  /** Watches the tweets of the entries, and no others. */
  #follow(entries: readonly TimelineEntryFragment[]): void {
    const ids = new Set(entries.map(({ node }) => node.id));
    for (const [id, stop] of this.#watched) {
      if (!ids.has(id)) {
        stop();
        this.#watched.delete(id);
      }
    }
    for (const id of ids) {
      if (!this.#watched.has(id)) {
        this.#watched.set(id, this.#tweets.watch(id, () => this.#tell()));
      }
    }
  }

  /** Calls onChange, once for what happens together. */
  #tell(): void {
    if (this.#telling) {
      return;
    }
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      if (this.#page && !this.#closed) {
        this.#options.onChange(this.#view(this.#page));
      }
    });
  }

  #view(page: Page): TimelineView {
    const { hasNextPage } = page.pageInfo;
    if (!(this.#options.live ?? true)) {
      return { entries: page.edges, hasNextPage };
    }
    const entries = page.edges.map((entry) => {
      const node = withState(entry.node, this.#tweets.read(entry.node.id));
      return node === entry.node ? entry : { ...entry, node };
    });
    this.#page = { ...page, edges: entries }; // what has not changed stays the same object
    return { entries, hasNextPage };
  }

  #inTurn(read: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(() => (this.#closed ? undefined : read()));
    this.#turn = turn;
    return turn;
  }

  /** The timeline from the top down to the oldest entry that is shown, in as few pages as possible; undefined without a session. */
  async #readAgain(): Promise<Timeline | undefined> {
    const shown = this.#page?.edges ?? [];
    const last = shown.at(-1);
    const oldest = last && timeOf(last);
    const top = await this.#read(Math.min(Math.max(this.#first, shown.length), largestPage));
    if (!top) {
      return undefined;
    }
    const all = [...top.edges];
    let { pageInfo } = top;
    const reaches = (): boolean => {
      const end = all.at(-1);
      return oldest === undefined || end === undefined || timeOf(end) <= oldest;
    };
    while (pageInfo.hasNextPage && !reaches() && all.length < mostKept) {
      const page = await this.#read(largestPage, pageInfo.endCursor);
      if (!page) {
        break; // the session has ended meanwhile
      }
      all.push(...page.edges);
      ({ pageInfo } = page);
    }
    // The cursor is that of the first page: what happened while the others were read comes as an event, too.
    return { ...top, edges: all, pageInfo };
  }

  async #read(first: number, after?: string | null): Promise<Timeline | undefined> {
    const variables = after === undefined ? { first } : { first, after };
    const { data } = await this.#apollo.query({ query: HomeTimeline, variables, fetchPolicy: "no-cache" });
    return (data as HomeTimelineQuery).viewer?.homeTimeline;
  }

  async #readOlder(after: string | null): Promise<void> {
    const session = this.#session;
    this.#held = [];
    try {
      const older = await this.#read(this.#first, after);
      if (session === this.#session && older && this.#page) {
        const known = new Set(this.#page.edges.map(({ node }) => node.id));
        const edges = older.edges.filter(({ node }) => !known.has(node.id));
        this.#show({ edges: [...this.#page.edges, ...edges], pageInfo: older.pageInfo }, older.edges);
      }
    } catch (error) {
      this.#report(error, session); // whoever scrolls will ask again
    } finally {
      const held = this.#held;
      this.#held = undefined;
      if (session === this.#session) {
        held.forEach((event) => this.#take(event));
      }
    }
  }

  /** Subscribes behind the cursor. When the socket opens again it does so behind the cursor of then. */
  #subscribe(): void {
    const session = this.#session;
    const context = { resume: () => ({ after: this.#cursor }), queryDeduplication: false };
    this.#events = this.#apollo.subscribe({ query: HomeTimelineEvents, context }).subscribe({
      next: ({ data, error }) => {
        if (session !== this.#session) {
          return;
        }
        if (error || !data) {
          this.#failed(error, session); // an event of which a field failed, or the end of the operation
        } else {
          this.#again.succeeded();
          this.#take(data.homeTimelineEvents);
        }
      },
      complete: () => this.#again.soon(undefined),
    });
  }

  #take(event: TimelineEvent): void {
    if (this.#held) {
      if (this.#held.push(event) > mostHeld) {
        this.#held = [];
        void this.refresh();
      }
      return;
    }
    this.#cursor = event.cursor;
    switch (event.__typename) {
      case "TimelineEntryAdded":
        return this.put(event.edge);
      case "TimelineEntryRemoved":
        return this.#remove(event.tweetId);
      case "TimelineReset":
        void this.refresh();
    }
  }

  /** The tweet may be gone, or only gone from this timeline: other lists that have it find out by themselves. */
  #remove(tweetId: string): void {
    const edges = this.#page?.edges.filter(({ node }) => node.id !== tweetId);
    if (this.#page && edges && edges.length < this.#page.edges.length) {
      this.#show({ ...this.#page, edges });
    }
  }

  /** Reports a failure, and reads again when that may help. */
  #failed(error: unknown, session: number): void {
    if (session === this.#session) {
      this.#events?.unsubscribe();
      this.#report(error, session);
      this.#again.soon(error);
    }
  }

  #report(error: unknown, session: number): void {
    if (session === this.#session) {
      this.#options.onError?.(error);
    }
  }
}

/** When the entry came into the timeline: entries lie by this time. */
function timeOf({ node, retweet }: TimelineEntryFragment): string {
  return retweet?.createdAt ?? node.createdAt;
}

/** The page with a new entry, which is nearly always on top; undefined if nothing changes. */
function withEntry(page: Page, entry: TimelineEntryFragment): Page | undefined {
  if (page.edges.some(({ node }) => node.id === entry.node.id)) {
    return undefined;
  }
  const edges = [...page.edges];
  const time = timeOf(entry);
  const older = edges.findIndex((other) => timeOf(other) <= time);
  if (older < 0 && page.pageInfo.hasNextPage) {
    return undefined; // it belongs to a page that is not here yet
  }
  edges.splice(older < 0 ? edges.length : older, 0, entry);
  return { ...page, edges };
}
