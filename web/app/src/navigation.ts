import { useLayoutEffect } from "react";
import { navigate as push } from "wouter/use-browser-location";
import { useLocation } from "wouter";

// Where each page of the history was scrolled to. The browser's own memory does not wait for what a page still has to read.
const scrolled = new Map<string, number>();
let counter = 0;

interface PageState {
  readonly page?: string;
}

function pageKey(): string {
  return (history.state as PageState | null)?.page ?? "first";
}

if (typeof history !== "undefined") {
  history.scrollRestoration = "manual";
  addEventListener("scroll", () => restoring || scrolled.set(pageKey(), scrollY), { passive: true });
}

let restoring = false;

/** Goes to another page of the app. */
export function go(to: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  const page = `${Date.now()}-${++counter}`;
  push(to, { replace, state: { page } });
}

/** Goes back, or to a page if the app began here. */
export function back(otherwise: string): void {
  if ((history.state as PageState | null)?.page !== undefined) {
    history.back();
  } else {
    go(otherwise, { replace: true });
  }
}

/** Scrolls to where the page was left when somebody comes back to it, and to the top of a new one. */
export function useScrollMemory(): void {
  const [path] = useLocation();
  useLayoutEffect(() => {
    const top = scrolled.get(pageKey()) ?? 0;
    scrollTo(0, top);
    if (top === 0 || scrollY >= top) {
      return undefined;
    }
    // What is above is still being drawn: try until it is there, or somebody scrolls.
    restoring = true;
    let frame = 0;
    const until = performance.now() + 2_000;
    const stop = (): void => {
      restoring = false;
      cancelAnimationFrame(frame);
      removeEventListener("wheel", stop);
      removeEventListener("touchstart", stop);
      removeEventListener("keydown", stop);
    };
    const again = (): void => {
      scrollTo(0, top);
      if (scrollY >= top - 1 || performance.now() > until) {
        stop();
      } else {
        frame = requestAnimationFrame(again);
      }
    };
    frame = requestAnimationFrame(again);
    addEventListener("wheel", stop, { passive: true });
    addEventListener("touchstart", stop, { passive: true });
    addEventListener("keydown", stop);
    return stop;
  }, [path]);
}
