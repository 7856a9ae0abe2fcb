import type { ReactNode } from "react";
import { wordsFor } from "./toast.tsx";

/** Grey shapes where tweets will be. They are as high as most tweets, so little moves when those come. */
export function SkeletonTweets({ count = 6 }: { readonly count?: number }): ReactNode {
  return (
    <div className="skeletons" role="status" aria-label="Loading">
      {Array.from({ length: count }, (_, i) => (
        <div key={i} className="skeleton-tweet" aria-hidden="true">
          <span className="skeleton skeleton-avatar" />
          <span className="skeleton-lines">
            <span className="skeleton skeleton-line skeleton-short" />
            <span className="skeleton skeleton-line" />
            <span className="skeleton skeleton-line skeleton-half" />
          </span>
        </div>
      ))}
    </div>
  );
}

/** What is shown where there is nothing, and what to do about it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** What went wrong with a whole page, and a way to try again. */
export function Failed({ error, onRetry }: { readonly error: unknown; readonly onRetry: () => void }): ReactNode {
  return (
    <div className="empty" role="alert">
      <p className="empty-title">This could not be loaded</p>
      <p>{wordsFor(error)}</p>
      <button type="button" className="button" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}
