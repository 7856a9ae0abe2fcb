import { startTransition, useCallback, useEffect, useRef, useState } from "react";
import type { TimelineEntryFragment } from "../generated/operations.js";
import type { LiveTimeline, TimelineView } from "../timeline.js";
import { useRoost } from "./context.js";
import { useSession } from "./session.js";

/** The viewer's home timeline. */
export interface HomeTimelineState {
  /** What is shown, newest first. New entries of others are not in it before `showNew`. */
  readonly entries: readonly TimelineEntryFragment[];
  /** The new entries that wait, newest first. */
  readonly waiting: readonly TimelineEntryFragment[];
  /** Shows the entries that wait. */
  readonly showNew: () => void;
  /** Whether nothing has been read yet. */
  readonly loading: boolean;
  readonly loadingMore: boolean;
  readonly hasMore: boolean;
  /** Reads the next older page. */
  readonly loadMore: () => Promise<void>;
  /** What went wrong last; undefined once something went well again. */
  readonly error: unknown;
  /** Reads the timeline again, as far down as it was read. */
  readonly refresh: () => void;
}

interface HomeTimelineOptions {
  /** Entries in a page; 20. */
  readonly first?: number;
  /** With `false` counts and names stay as they were read, and `useTweet` follows the entries on screen: for long lists. */
  readonly live?: boolean;
}

/**
 * The viewer's home timeline, live. What is on screen never moves: entries that are newer than those shown wait, but for
 * the viewer's own, until `showNew`. It goes on after lost connections and restarts of the server, where it was.
 */
export function useHomeTimeline({ first = 20, live: isLive = true }: HomeTimelineOptions = {}): HomeTimelineState {
  const roost = useRoost();
  const { status, generation, user } = useSession();
  const timeline = useRef<LiveTimeline | undefined>(undefined);
  const viewerId = useRef<string | undefined>(undefined);
  viewerId.current = user?.id;
  const held = useRef(new Held());
  const [view, setView] = useState<TimelineView | undefined>(undefined);
  const [loadingMore, setLoadingMore] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  const [, release] = useState(0);
  const on = status !== "signedOut";

  useEffect(() => {
    setView(undefined);
    setError(undefined);
    held.current = new Held();
    if (!on) {
      return undefined;
    }
    const live = roost.homeTimeline({
      first,
      live: isLive,
      onChange: (next) => {
        held.current.take(next.entries, viewerId.current);
        startTransition(() => setView(next)); // drawing a page of tweets must not hold up a frame
        setError(undefined);
      },
      onError: setError,
    });
    timeline.current = live;
    return () => live.close();
  }, [roost, first, isLive, on, generation]);

  const showNew = useCallback(() => {
    held.current.clear();
    release((count) => count + 1);
  }, []);
  const loadMore = useCallback(async () => {
    setLoadingMore(true);
    try {
      await timeline.current?.more();
    } finally {
      setLoadingMore(false);
    }
  }, []);
  const refresh = useCallback(() => void timeline.current?.refresh(), []);
  const all = view?.entries ?? [];
  return {
    entries: all.filter(({ node }) => !held.current.has(node.id)),
    waiting: all.filter(({ node }) => held.current.has(node.id)),
    showNew,
    loading: on && !view && error === undefined,
    loadingMore,
    hasMore: view?.hasNextPage ?? false,
    loadMore,
    error,
    refresh,
  };
}

/** The entries above those that are shown. */
class Held {
  #ids = new Set<string>();
  #shown: Set<string> | undefined;

  /** Looks at the timeline after a change: what is above all that was shown waits, unless the viewer wrote it, and waits on. */
  take(entries: readonly TimelineEntryFragment[], viewerId: string | undefined): void {
    const shown = this.#shown;
    const top = shown ? entries.findIndex(({ node }) => shown.has(node.id)) : 0;
    const waits = (entry: TimelineEntryFragment, i: number): boolean =>
      this.#ids.has(entry.node.id) || (i < top && byOf(entry) !== viewerId);
    this.#ids = new Set(entries.filter(waits).map(({ node }) => node.id));
    this.#shown = new Set(entries.filter(({ node }) => !this.#ids.has(node.id)).map(({ node }) => node.id));
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  clear(): void {
    this.#ids.forEach((id) => this.#shown?.add(id));
    this.#ids = new Set();
  }
}

/** The id of whoever brought an entry. */
function byOf({ node, retweet }: TimelineEntryFragment): string {
  return retweet?.user.id ?? node.author.id;
}
