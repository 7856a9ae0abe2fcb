import type { TimelineEntryFragment } from "@roost/client";
import { memo, startTransition, useEffect, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { SkeletonTweets } from "../ui/states.tsx";
import { TweetCard } from "./card.tsx";
import { heightOf, noteHeights } from "./heights.ts";

/** What a list shows: entries of timelines have all of it. */
export type Entry = Pick<TimelineEntryFragment, "node"> & Partial<Pick<TimelineEntryFragment, "retweet">>;

const chunkSize = 5; // entries that are drawn together
const firstChunks = 2; // chunks that are drawn at once; the others follow when they are found to be near
const around = "1600px"; // above and below the window, in which chunks are drawn

interface Chunk {
  readonly key: string;
  readonly entries: readonly Entry[];
}

/**
 * Sorts entries into chunks. An entry stays in the chunk in which it was first, so what comes on top or at the end moves no
 * other entry into another chunk.
 */
function useChunks(entries: readonly Entry[]): readonly Chunk[] {
  const homes = useRef(new Map<string, string>());
  const made = useRef(0);
  const before = useRef(new Map<string, Chunk>());
  const counts = new Map<string, number>();
  const known = homes.current;
  for (const { node } of entries) {
    const key = known.get(node.id);
    if (key !== undefined) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const firstKnown = entries.findIndex(({ node }) => known.has(node.id));
  const chunks: { key: string; entries: Entry[] }[] = [];
  entries.forEach((entry, i) => {
    let key = known.get(entry.node.id);
    if (key === undefined) {
      const last = chunks.at(-1);
      const above = firstKnown >= 0 && i < firstKnown;
      // An entry in the middle goes where its neighbour is; others fill chunks of their own.
      const room = last && (counts.get(last.key) ?? 0) < chunkSize && (above || i > firstKnown);
      key = room ? last.key : `chunk-${++made.current}`;
      known.set(entry.node.id, key);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const last = chunks.at(-1);
    if (last?.key === key) {
      last.entries.push(entry);
    } else {
      // The same key may be met again if an entry has moved: a chunk is what lies together.
      const again = chunks.some((chunk) => chunk.key === key);
      chunks.push({ key: again ? `${key}-${entry.node.id}` : key, entries: [entry] });
    }
  });
  // Chunks that are as they were keep their identity, and are not drawn again.
  const next = chunks.map((chunk) => {
    const old = before.current.get(chunk.key);
    const same = old?.entries.length === chunk.entries.length && old.entries.every((entry, i) => entry === chunk.entries[i]);
    return same && old ? old : chunk;
  });
  before.current = new Map(next.map((chunk) => [chunk.key, chunk]));
  return next;
}

interface ListProps {
  readonly entries: readonly Entry[];
  readonly label: string;
  readonly loading: boolean;
  readonly loadingMore: boolean;
  readonly hasMore: boolean;
  readonly onMore: () => void;
  /** What comes behind the last entry. */
  readonly end?: ReactNode;
}

/** Tweets, as many as one scrolls: only those near the window are in the page. */
export function TweetList({ entries, label, loading, loadingMore, hasMore, onMore, end }: ListProps): ReactNode {
  const chunks = useChunks(entries);
  const more = useRef<HTMLDivElement>(null);
  const onMoreNow = useRef(onMore);
  onMoreNow.current = onMore;
  const wanting = hasMore && !loadingMore && !loading;
  useEffect(() => {
    const mark = more.current;
    if (!mark || !wanting) {
      return undefined;
    }
    const watcher = new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && onMoreNow.current(), {
      rootMargin: "0px 0px 1500px 0px",
    });
    watcher.observe(mark);
    return () => watcher.disconnect();
  }, [wanting, entries.length]);
  return (
    <>
      {entries.length > 0 && (
        <div role="feed" aria-label={label} aria-busy={loading || loadingMore}>
          {chunks.map((chunk, i) => (
            <ChunkView key={chunk.key} chunk={chunk} onTop={i < firstChunks} />
          ))}
        </div>
      )}
      {loading && entries.length === 0 && <SkeletonTweets />}
      <div ref={more} className="tweets-more">
        {hasMore && entries.length > 0 && <SkeletonTweets count={2} />}
        {!hasMore && !loading && entries.length > 0 && end}
      </div>
    </>
  );
}

/** Some tweets; far from the window an empty box of the height that they have, or will about have. */
const ChunkView = memo(function ChunkView({ chunk, onTop }: { readonly chunk: Chunk; readonly onTop: boolean }): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(onTop);
  useEffect(() => {
    const node = box.current;
    if (!node) {
      return undefined;
    }
    const watcher = new IntersectionObserver(
      (seen) => {
        const last = seen.at(-1);
        if (!last || node.offsetParent === null) {
          return; // the whole page is hidden
        }
        if (!last.isIntersecting) {
          noteHeights(node);
        }
        startTransition(() => setNear(last.isIntersecting)); // drawing a chunk must not hold up a frame
      },
      { rootMargin: `${around} 0px` },
    );
    watcher.observe(node);
    return () => watcher.disconnect();
  }, []);
  useLayoutEffect(() => {
    const node = box.current;
    return near && node ? () => noteHeights(node) : undefined;
  }, [near]);
  return (
    <div ref={box} className="chunk" style={near ? undefined : { height: heightOf(chunk.entries) }}>
      {near && chunk.entries.map(({ node, retweet }) => <TweetCard key={node.id} tweet={node} retweet={retweet} />)}
    </div>
  );
});
