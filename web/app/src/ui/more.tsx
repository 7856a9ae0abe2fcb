import { useEffect, useRef, type ReactNode } from "react";
import { Failed, SkeletonTweets } from "./states.tsx";

interface MoreProps {
  readonly hasMore: boolean;
  /** Whether a page is being read. */
  readonly busy: boolean;
  /** What went wrong with the last page; nothing is read by itself then. */
  readonly error: unknown;
  /** How many entries there are. */
  readonly length: number;
  readonly onMore: () => void;
  /** How far below the window, in pixels, the next page is read. */
  readonly margin: number;
  /** What comes behind the last entry. */
  readonly end?: ReactNode;
}

/** The end of a list that is read page by page: reads the next page when it comes near the window. */
export function More({ hasMore, busy, error, length, onMore, margin, end }: MoreProps): ReactNode {
  const mark = useRef<HTMLDivElement>(null);
  const read = useRef(onMore);
  read.current = onMore;
  const failed = error !== undefined;
  const wanting = hasMore && !busy && !failed;
  useEffect(() => {
    if (!mark.current || !wanting) {
      return undefined;
    }
    const watcher = new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && read.current(), {
      rootMargin: `0px 0px ${margin}px 0px`,
    });
    watcher.observe(mark.current);
    return () => watcher.disconnect();
  }, [wanting, length, margin]);
  const inside = (): ReactNode => {
    if (length === 0) {
      return null;
    }
    if (!hasMore) {
      return busy ? null : end;
    }
    return failed && !busy ? <Failed error={error} onRetry={onMore} /> : <SkeletonTweets count={2} />;
  };
  return (
    <div ref={mark} className="tweets-more">
      {inside()}
    </div>
  );
}
