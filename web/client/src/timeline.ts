import type { ApolloClient } from "@apollo/client";
import {
  HomeTimeline,
  HomeTimelineEvents,
  type HomeTimelineEventsSubscription,
  type HomeTimelineQuery,
  type TimelineEntryFragment,
} from "./generated/operations.js";
import { Again } from "./again.js";

type Timeline = NonNullable<HomeTimelineQuery["viewer"]>["homeTimeline"];
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
  readonly #unwatch: () => void;
  readonly #again: Again;
  #turn: Promise<void> = Promise.resolve(); // one read at a time
  #reading: Promise<void> | undefined; // the read from the top that waits for its turn
  #cursor = ""; // of the last event, or of the page: where the subscription goes on
  #events: { unsubscribe(): void } | undefined;
  #held: TimelineEvent[] | undefined; // events that came while an older page was on its way: they are newer than it
  #session = 0; // counts the sessions; what was asked in an earlier one is nobody's any more
  #closed = false;

  /** Is made by Roost.homeTimeline. */
  constructor(apollo: ApolloClient, options: TimelineOptions, closed: () => void) {
    this.#apollo = apollo;
    this.#options = options;
    this.#first = options.first ?? 20;
    this.#again = new Again(() => this.refresh());
    const view = apollo
      .watchQuery({ query: HomeTimeline, variables: { first: this.#first }, fetchPolicy: "cache-only" })
      .subscribe(({ data, dataState }) => {
        if (dataState === "complete") {
          options.onChange(viewOf(data));
        }
      });
    this.#unwatch = () => {
      view.unsubscribe();
      closed();
    };
    void this.refresh();
  }

  /** Reads the timeline again, as far down as it was read, and goes on with what happens from then on. */
  refresh(): Promise<void> {
    this.#reading ??= this.#inTurn(async () => {
      this.#reading = undefined;
      this.#events?.unsubscribe();
      const session = this.#session;
      try {
        const data = await this.#readAgain();
        if (session !== this.#session) {
          return;
        }
        this.#apollo.cache.writeQuery({ query: HomeTimeline, variables: { first: this.#first }, data });
        if (data.viewer) {
          this.#cursor = data.viewer.homeTimeline.eventCursor;
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
      const page = this.#page()?.pageInfo;
      if (page?.hasNextPage) {
        await this.#readOlder(page.endCursor);
      }
    });
    return !this.#closed && (this.#page()?.pageInfo.hasNextPage ?? false);
  }

  /** Puts an entry into its place, such as the one that `CreateTweet` gives; twice is once. */
  put(entry: TimelineEntryFragment): void {
    const query = { query: HomeTimeline, variables: { first: this.#first } };
    this.#apollo.cache.updateQuery(query, (data) => (data?.viewer ? withEntry(data, entry) : undefined));
  }

  /** Forgets the session that ends: Roost calls it, and `enter` when the next one has begun. */
  leave(): void {
    this.#session++;
    this.#again.stop();
    this.#events?.unsubscribe();
  }

  /** Begins in another session, or in none. */
  enter(): void {
    void this.refresh();
  }

  /** Stops following. */
  close(): void {
    this.leave();
    this.#closed = true;
    this.#unwatch();
  }

  #page(): Timeline | undefined {
    return this.#apollo.cache.readQuery({ query: HomeTimeline, variables: { first: this.#first } })?.viewer?.homeTimeline;
  }

  #inTurn(read: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(() => (this.#closed ? undefined : read()));
    this.#turn = turn;
    return turn;
  }

  /** The timeline from the top down to the oldest entry that is shown, in as few pages as possible. */
  async #readAgain(): Promise<HomeTimelineQuery> {
    const shown = this.#page()?.edges ?? [];
    const last = shown.at(-1);
    const oldest = last && timeOf(last);
    const top = await this.#read(Math.min(Math.max(this.#first, shown.length), largestPage));
    if (!top.viewer) {
      return top;
    }
    const { edges, ...rest } = top.viewer.homeTimeline;
    const all = [...edges];
    let { pageInfo } = rest;
    const reaches = (): boolean => {
      const end = all.at(-1);
      return oldest === undefined || end === undefined || timeOf(end) <= oldest;
    };
    while (pageInfo.hasNextPage && !reaches() && all.length < mostKept) {
      const page = (await this.#read(largestPage, pageInfo.endCursor)).viewer?.homeTimeline;
      if (!page) {
        break; // the session has ended meanwhile
      }
      all.push(...page.edges);
      ({ pageInfo } = page);
    }
    // The cursor is that of the first page: what happened while the others were read comes as an event, too.
    return { ...top, viewer: { ...top.viewer, homeTimeline: { ...rest, edges: all, pageInfo } } };
  }

  async #read(first: number, after?: string | null): Promise<HomeTimelineQuery> {
    const variables = after === undefined ? { first } : { first, after };
    const { data } = await this.#apollo.query({ query: HomeTimeline, variables, fetchPolicy: "no-cache" });
    return data as HomeTimelineQuery;
  }

  async #readOlder(after: string | null): Promise<void> {
    const session = this.#session;
    this.#held = [];
    try {
      // Written and not read: a read with the variables of this page would keep a result of the whole list for each page.
      const data = await this.#read(this.#first, after);
      if (session === this.#session && data.viewer) {
        this.#apollo.cache.writeQuery({ query: HomeTimeline, variables: { first: this.#first, after }, data });
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

  #remove(tweetId: string): void {
    const query = { query: HomeTimeline, variables: { first: this.#first } };
    this.#apollo.cache.updateQuery(query, (data) => (data?.viewer ? withoutTweet(data, tweetId) : undefined));
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

function viewOf(data: HomeTimelineQuery): TimelineView {
  const timeline = data.viewer?.homeTimeline;
  return { entries: timeline?.edges ?? [], hasNextPage: timeline?.pageInfo.hasNextPage ?? false };
}

/** When the entry came into the timeline: entries lie by this time. */
function timeOf({ node, retweet }: TimelineEntryFragment): string {
  return retweet?.createdAt ?? node.createdAt;
}

/** A new entry is nearly always on top. */
function withEntry(data: HomeTimelineQuery, entry: TimelineEntryFragment): HomeTimelineQuery | undefined {
  const { viewer } = data;
  if (!viewer || viewer.homeTimeline.edges.some(({ node }) => node.id === entry.node.id)) {
    return undefined;
  }
  const edges = [...viewer.homeTimeline.edges];
  const time = timeOf(entry);
  const older = edges.findIndex((other) => timeOf(other) <= time);
  if (older < 0 && viewer.homeTimeline.pageInfo.hasNextPage) {
    return undefined; // it belongs to a page that is not here yet
  }
  edges.splice(older < 0 ? edges.length : older, 0, entry);
  return { ...data, viewer: { ...viewer, homeTimeline: { ...viewer.homeTimeline, edges } } };
}

/** The tweet may be gone, or only gone from this timeline: other lists that have it find out by themselves. */
function withoutTweet(data: HomeTimelineQuery, tweetId: string): HomeTimelineQuery | undefined {
  const { viewer } = data;
  const edges = viewer?.homeTimeline.edges.filter(({ node }) => node.id !== tweetId);
  if (!viewer || edges?.length === viewer.homeTimeline.edges.length) {
    return undefined;
  }
  return { ...data, viewer: { ...viewer, homeTimeline: { ...viewer.homeTimeline, edges: edges ?? [] } } };
}
