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
      return "The server is busy. Try again in a moment.";
    case undefined:
      return navigator.onLine ? (error instanceof Error && error.message ? error.message : "The server cannot be reached.") : "You are offline.";
    default:
      return error instanceof Error ? error.message : "Something went wrong.";
  }
}

/** Says what went wrong. */
export function sayError(error: unknown): void {
  say(error instanceof TypeError ? "The server cannot be reached. Try again in a moment." : wordsFor(error));
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
