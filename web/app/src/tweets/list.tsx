import type { TimelineEntryFragment } from "@roost/client";
import { memo, startTransition, useEffect, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { More } from "../ui/more.tsx";
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
  const chunks: { key: string; entries: Entry[] }[] = [];
  for (const entry of entries) {
    let key = known.get(entry.node.id);
    if (key === undefined) {
      // A new entry goes where the one above it is. What comes on top has none above it, and begins a chunk.
      const last = chunks.at(-1);
      const room = last && (counts.get(last.key) ?? 0) < chunkSize;
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
  }
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
  /** What went wrong with the last page. */
  readonly error: unknown;
  readonly onMore: () => void;
  /** What comes behind the last entry. */
  readonly end?: ReactNode;
}

/** Tweets, as many as one scrolls: only those near the window are in the page. */
export function TweetList({ entries, label, loading, loadingMore, hasMore, error, onMore, end }: ListProps): ReactNode {
  const chunks = useChunks(entries);
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
      <More hasMore={hasMore} busy={loading || loadingMore} error={error} length={entries.length} onMore={onMore} margin={1500} end={end} />
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
