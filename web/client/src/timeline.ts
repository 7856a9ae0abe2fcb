import type { ApolloClient } from "@apollo/client";
import {
  HomeTimeline,
  HomeTimelineEvents,
  type HomeTimelineEventsSubscription,
  type HomeTimelineQuery,
  type TimelineEntryFragment,
} from "./generated/operations.js";
import { retryAfter } from "./results.js";
import type { Socket } from "./socket.js";

type PageInfo = NonNullable<HomeTimelineQuery["viewer"]>["homeTimeline"]["pageInfo"];
type TimelineEvent = HomeTimelineEventsSubscription["homeTimelineEvents"];

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
  /** Gets the timeline whenever it has changed. */
  readonly onChange: (view: TimelineView) => void;
  /** Gets what went wrong. Live updates go on, except after the end of the session. */
  readonly onError?: (error: unknown) => void;
}

/** Most events to keep while a page is on its way; with more, it is read once more. */
const mostHeld = 256;

/**
 * The viewer's home timeline, live. It subscribes first and reads then; it reads again whenever the server
 * says so and whenever the socket was away, so nothing is missed for longer than a broken connection lasts.
 */
export class LiveTimeline {
  readonly #apollo: ApolloClient;
  readonly #options: TimelineOptions;
  readonly #first: number;
  readonly #ends: (() => void)[] = [];
  #turn: Promise<void> = Promise.resolve(); // one read at a time
  #refresh: Promise<void> | undefined; // the one that waits for its turn
  #held: TimelineEvent[] | undefined; // events that came during a read: they are newer than its answer
  #overflowed = false;
  #closed = false;

  /** Is made by Roost.homeTimeline. */
  constructor(apollo: ApolloClient, socket: Socket, options: TimelineOptions) {
    this.#apollo = apollo;
    this.#options = options;
    this.#first = options.first ?? 20;
    const view = apollo
      .watchQuery({ query: HomeTimeline, variables: { first: this.#first }, fetchPolicy: "cache-only" })
      .subscribe(({ data, dataState }) => {
        if (dataState === "complete") {
          options.onChange(viewOf(data));
        }
      });
    const events = apollo.subscribe({ query: HomeTimelineEvents }).subscribe(({ data, error }) => {
      if (error) {
        this.#fail(error);
      } else if (data) {
        this.#take(data.homeTimelineEvents);
      }
    });
    this.#ends.push(() => view.unsubscribe(), () => events.unsubscribe());
    this.#ends.push(socket.onConnected(() => void this.refresh()));
    if (socket.connected) {
      void this.refresh();
    }
  }

  /** Reads the first page again. Older pages are forgotten: what lies between may have changed, too. */
  refresh(): Promise<void> {
    this.#refresh ??= this.#inTurn(async () => {
      this.#refresh = undefined;
      // Over the socket, behind the subscription: what happens after this read is an event.
      await this.#read({ first: this.#first }, { overSocket: true });
    });
    return this.#refresh;
  }

  /** Reads the next older page, if there is one, and tells whether there are still more. */
  async more(): Promise<boolean> {
    await this.#inTurn(async () => {
      const page = this.#page();
      if (page?.hasNextPage) {
        await this.#read({ first: this.#first, after: page.endCursor }, {});
      }
    });
    return !this.#closed && (this.#page()?.hasNextPage ?? false);
  }

  /** Puts an entry into its place, such as the one that `CreateTweet` gives; twice is once. */
  put(entry: TimelineEntryFragment): void {
    const query = { query: HomeTimeline, variables: { first: this.#first } };
    this.#apollo.cache.updateQuery(query, (data) => (data?.viewer ? withEntry(data, entry) : undefined));
  }

  /** Stops following. */
  close(): void {
    this.#closed = true;
    this.#ends.splice(0).forEach((end) => end());
  }

  #page(): PageInfo | undefined {
    const data = this.#apollo.cache.readQuery({ query: HomeTimeline, variables: { first: this.#first } });
    return data?.viewer?.homeTimeline.pageInfo;
  }

  #inTurn(read: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(() => (this.#closed ? undefined : read()));
    this.#turn = turn;
    return turn;
  }

  async #read(variables: { first: number; after?: string | null }, context: object): Promise<void> {
    this.#held = [];
    try {
      await this.#apollo.query({ query: HomeTimeline, variables, fetchPolicy: "network-only", context });
    } catch (error) {
      this.#fail(error);
      const wait = retryAfter(error);
      if (wait !== undefined && !this.#closed) {
        const timer = setTimeout(() => void this.refresh(), wait);
        this.#ends.push(() => clearTimeout(timer));
      }
    } finally {
      const held = this.#held;
      this.#held = undefined;
      held.forEach((event) => this.#take(event));
    }
    if (this.#overflowed) {
      this.#overflowed = false;
      void this.refresh();
    }
  }

  #take(event: TimelineEvent): void {
    if (this.#held) {
      if (this.#held.length < mostHeld) {
        this.#held.push(event);
      } else {
        this.#overflowed = true;
      }
      return;
    }
    switch (event.__typename) {
      case "TimelineEntryAdded":
        return this.put(event.edge);
      case "TimelineEntryRemoved":
        this.#apollo.cache.evict({ id: `Tweet:${event.tweetId}` });
        this.#apollo.cache.gc();
        return;
      case "TimelineReset":
        void this.refresh();
    }
  }

  #fail(error: unknown): void {
    if (!this.#closed) {
      this.#options.onError?.(error);
    }
  }
}

function viewOf(data: HomeTimelineQuery): TimelineView {
  const timeline = data.viewer?.homeTimeline;
  return { entries: timeline?.edges ?? [], hasNextPage: timeline?.pageInfo.hasNextPage ?? false };
}

/** Entries lie by the time of their tweets; a new one is nearly always on top. */
function withEntry(data: HomeTimelineQuery, entry: TimelineEntryFragment): HomeTimelineQuery | undefined {
  const { viewer } = data;
  if (!viewer || viewer.homeTimeline.edges.some(({ node }) => node.id === entry.node.id)) {
    return undefined;
  }
  const edges = [...viewer.homeTimeline.edges];
  const older = edges.findIndex(({ node }) => node.createdAt <= entry.node.createdAt);
  if (older < 0 && viewer.homeTimeline.pageInfo.hasNextPage) {
    return undefined; // it belongs to a page that is not here yet
  }
  edges.splice(older < 0 ? edges.length : older, 0, entry);
  return { ...data, viewer: { ...viewer, homeTimeline: { ...viewer.homeTimeline, edges } } };
}
