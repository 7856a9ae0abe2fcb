import { useSession } from "@roost/client/react";
import { useEffect, useState, type ReactNode } from "react";
import { go } from "../navigation.ts";
import { compose } from "../tweets/compose.tsx";
import { Dialog } from "../ui/dialog.tsx";

const keys: readonly (readonly [string, string])[] = [
  ["j", "Next tweet"],
  ["k", "Previous tweet"],
  ["Enter", "Open the tweet"],
  ["n", "New tweet"],
  ["r", "Reply"],
  ["t", "Retweet, or undo it"],
  ["l", "Like, or undo it"],
  [".", "Show new tweets"],
  ["/", "Search"],
  ["h", "Home"],
  ["?", "This list"],
];

let openList: (() => void) | undefined;

/** Opens the list of keys. */
export function showKeys(): void {
  openList?.();
}

/** The keyboard of the app, and the list of its keys. */
export function Keys(): ReactNode {
  const { status } = useSession();
  const [listed, setListed] = useState(false);
  const signedIn = status !== "signedOut";
  useEffect(() => {
    openList = () => setListed(true);
    const onKey = (event: KeyboardEvent): void => {
      const at = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || at.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) {
        return;
      }
      const acted = act(event.key, signedIn);
      if (event.key === "?") {
        setListed(true);
      }
      if (acted || event.key === "?") {
        event.preventDefault();
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [signedIn]);
  return listed ? (
    <Dialog title="Keys" onClose={() => setListed(false)}>
      <dl className="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  ) : null;
}

/** Does what a key stands for; whether it stands for something. */
function act(key: string, signedIn: boolean): boolean {
  switch (key) {
    case "j":
    case "k":
      return step(key === "j" ? 1 : -1);
    case "n":
      return signedIn && (compose({}), true);
    case "r":
      return press("reply");
    case "t":
      return press("retweet");
    case "l":
      return press("like");
    case ".":
      document.querySelector<HTMLElement>("[data-pill]")?.click();
      return true;
    case "/": {
      const box = [...document.querySelectorAll<HTMLElement>("[data-search]")].find((input) => input.offsetParent !== null);
      if (box) {
        box.focus();
      } else {
        go("/search");
      }
      return true;
    }
    case "h":
      go("/");
      return true;
    default:
      return false;
  }
}

function visibleTweets(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("main [data-tweet]")].filter((tweet) => tweet.offsetParent !== null);
}

/** Moves the focus to the next tweet, or the previous one; from nowhere to the first that is on screen. */
function step(by: 1 | -1): boolean {
  const tweets = visibleTweets();
  const at = tweets.findIndex((tweet) => tweet === document.activeElement || tweet.contains(document.activeElement));
  const bar = document.querySelector(".page-head")?.getBoundingClientRect().bottom ?? 0;
  const next = at < 0 ? tweets.find((tweet) => tweet.getBoundingClientRect().top >= bar - 1) : tweets[at + by];
  if (next) {
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }
  return true;
}

/** Presses a button of the tweet that has the focus. */
function press(action: string): boolean {
  const tweet = document.activeElement?.closest("[data-tweet]") ?? document.querySelector("[data-focal]");
  tweet?.querySelector<HTMLElement>(`[data-action="${action}"]`)?.click();
  return Boolean(tweet);
}
