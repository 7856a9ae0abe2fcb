import { useSyncExternalStore, type ReactNode } from "react";

const every = 10_000; // milliseconds between two looks at the clock
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

/** One clock for all times on the page. */
function onTick(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    listeners.forEach((run) => run());
  }, every);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

const sameYear = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
const anyYear = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat("en", { dateStyle: "long", timeStyle: "short" });
const month = new Intl.DateTimeFormat("en", { month: "long", year: "numeric" });

/** A time as people say it: `now`, `5m`, `3h`, `12 Nov`. */
export function relativeTime(at: Date, present: number): string {
  const seconds = Math.max(0, (present - at.getTime()) / 1_000);
  if (seconds < 20) return "now";
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  if (seconds < 7 * 86_400) return `${Math.floor(seconds / 86_400)}d`;
  return (at.getFullYear() === new Date(present).getFullYear() ? sameYear : anyYear).format(at);
}

/** A relative time that moves. */
export function Ago({ at }: { readonly at: string }): ReactNode {
  const date = new Date(at);
  const text = useSyncExternalStore(onTick, () => relativeTime(date, Math.max(now, Date.now() - every)));
  return (
    <time dateTime={at} title={full.format(date)}>
      {text}
    </time>
  );
}

/** A whole date and time. */
export function FullTime({ at }: { readonly at: string }): ReactNode {
  return <time dateTime={at}>{full.format(new Date(at))}</time>;
}

/** A month, such as that in which somebody joined. */
export function Month({ at }: { readonly at: string }): ReactNode {
  return <time dateTime={at}>{month.format(new Date(at))}</time>;
}
