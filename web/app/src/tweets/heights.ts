import type { Entry } from "./list.tsx";

const usual = 124; // pixels of a tweet that was not drawn yet
const mostKept = 5_000; // heights
const heights = new Map<string, number>(); // pixels, by the tweet's id

addEventListener("resize", () => heights.clear());

/** Notes how high the tweets in a box are. */
export function noteHeights(box: HTMLElement): void {
  if (box.offsetParent === null) {
    return; // the page is hidden
  }
  if (heights.size > mostKept) {
    heights.clear();
  }
  for (const tweet of box.querySelectorAll<HTMLElement>("[data-tweet]")) {
    heights.set(tweet.dataset["tweet"] ?? "", tweet.offsetHeight);
  }
}

/** How high some tweets are together, as far as they were drawn before. */
export function heightOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { node }) => sum + (heights.get(node.id) ?? usual), 0);
}
