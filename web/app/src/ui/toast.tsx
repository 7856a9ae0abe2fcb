import { ServerError, ServerParseError } from "@apollo/client";
import { codeOf, retryAfter } from "@roost/client";
import { useSyncExternalStore, type ReactNode } from "react";
import { go } from "../navigation.ts";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly link?: { readonly to: string; readonly label: string };
}

const shownFor = 5_000; // milliseconds
let toasts: readonly Toast[] = [];
let counter = 0;
const listeners = new Set<() => void>();

function change(next: readonly Toast[]): void {
  toasts = next;
  listeners.forEach((listener) => listener());
}

/** Says something for a few seconds. */
export function say(text: string, link?: Toast["link"]): void {
  const toast = { id: ++counter, text, ...(link ? { link } : {}) };
  change([...toasts.filter((other) => other.text !== text).slice(-2), toast]);
  setTimeout(() => change(toasts.filter(({ id }) => id !== toast.id)), shownFor);
}

/** What went wrong, in words for people. */
export function wordsFor(error: unknown): string {
  switch (codeOf(error)) {
    case "UNAUTHENTICATED":
      return "You are signed out. Log in and try again.";
    case "RATE_LIMITED":
      return `That was a lot at once. Try again in ${Math.ceil((retryAfter(error) ?? 1_000) / 1_000)} s.`;
    case "UNAVAILABLE":
      return busy;
    case undefined:
      return wordsWithoutCode(error);
    default:
      return error instanceof Error ? error.message : "Something went wrong.";
  }
}

const busy = "The server is busy. Try again in a moment.";

/** Words for an error that no answer of the API has: the network's, or that of a proxy before the server. */
function wordsWithoutCode(error: unknown): string {
  if (!navigator.onLine) {
    return "You are offline.";
  }
  if (ServerError.is(error) || ServerParseError.is(error)) {
    return busy;
  }
  const unreachable = error instanceof TypeError || !(error instanceof Error) || !error.message; // fetch throws a TypeError
  return unreachable ? "The server cannot be reached. Try again in a moment." : error.message;
}

/** Says what went wrong. */
export function sayError(error: unknown): void {
  say(wordsFor(error));
}

/** Where it is said. */
export function Toasts(): ReactNode {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text, link }) => (
        <p key={id} className="toast">
          {text}
          {link && (
            <button type="button" onClick={() => go(link.to)}>
              {link.label}
            </button>
          )}
        </p>
      ))}
    </div>
  );
}
