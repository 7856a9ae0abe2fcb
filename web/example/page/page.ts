// A frontend in one file: sign in with a cookie, a home timeline that moves, likes that count.
// ?api=http://localhost:8080 says where Roost is.
import {
  codeOf,
  connect,
  CreateTweet,
  type LiveTimeline,
  Me,
  type Refused,
  SessionOver,
  SetReaction,
  type TimelineEntryFragment,
} from "@roost/client";

const url = new URLSearchParams(location.search).get("api") ?? "http://localhost:8080";
const roost = connect({ url });
let timeline: LiveTimeline | undefined;
let liveIds = "";
let endReactions = (): void => {};

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}
const account = element<HTMLFormElement>("account");
const compose = element<HTMLFormElement>("compose");
const problem = element<HTMLParagraphElement>("problem");
const more = element<HTMLButtonElement>("more");
const list = element<HTMLOListElement>("timeline");

function tell(text: string): void {
  problem.textContent = text;
  problem.hidden = text === "";
}

function fail(error: unknown): void {
  if (error instanceof SessionOver || codeOf(error) === "UNAUTHENTICATED") {
    show(undefined);
  } else {
    tell(error instanceof Error ? error.message : String(error));
  }
}

/** Shows what went wrong, or goes on. */
function settle(result: { readonly ok: true } | Refused, goOn: () => void): void {
  tell(result.ok ? "" : result.userErrors.map(({ message }) => message).join("; "));
  if (result.ok) {
    goOn();
  }
}

function show(username: string | undefined): void {
  timeline?.close();
  endReactions();
  liveIds = "";
  list.replaceChildren();
  account.hidden = username !== undefined;
  compose.hidden = element("who").hidden = username === undefined;
  more.hidden = true;
  if (username === undefined) {
    return;
  }
  element("who").firstElementChild!.textContent = `@${username}`;
  timeline = roost.homeTimeline({
    onChange: ({ entries, hasNextPage }) => {
      list.replaceChildren(...entries.map(item));
      more.hidden = !hasNextPage;
      watch(entries.slice(0, 100).map(({ node }) => node.id));
    },
    onError: fail,
  });
}

/** Follows the counts of the tweets on screen. */
function watch(ids: string[]): void {
  if (ids.join() === liveIds) {
    return;
  }
  const before = endReactions;
  liveIds = ids.join();
  endReactions = ids.length > 0 ? roost.liveReactions(ids, fail) : () => {};
  before();
}

function item({ node }: TimelineEntryFragment): HTMLLIElement {
  const row = document.createElement("li");
  const by = document.createElement("small");
  by.textContent = `${node.author.name} @${node.author.username} · ${new Date(node.createdAt).toLocaleString()}`;
  const text = document.createElement("p");
  text.textContent = node.text;
  const like = document.createElement("button");
  const liked = node.reactions.viewerReaction === "LIKE";
  like.className = "quiet";
  like.setAttribute("aria-pressed", String(liked));
  like.textContent = `♥ ${node.reactions.likeCount}`;
  like.addEventListener("click", () => {
    const input = { subjectId: node.id, reaction: liked ? "NONE" : "LIKE" } as const;
    roost.act(SetReaction, { input }).then((result) => settle(result, () => {}), fail);
  });
  row.append(by, text, like);
  return row;
}

account.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(account, event.submitter);
  const username = String(form.get("username"));
  const password = String(form.get("password"));
  const entered = form.get("way") === "signUp"
    ? roost.signUp({ username, password, email: `${username}@example.com` })
    : roost.logIn({ login: username, password });
  entered.then((result) => settle(result, () => show(username)), fail);
});

compose.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = String(new FormData(compose).get("text"));
  roost.act(CreateTweet, { input: { text } }).then(
    (result) => settle(result, () => {
      compose.reset();
      if (result.ok) {
        timeline?.put(result.value.timelineEdge);
      }
    }),
    fail,
  );
});

more.addEventListener("click", () => void timeline?.more());
element("out").addEventListener("click", () => {
  roost.logOut().then((result) => settle(result, () => show(undefined)), fail);
});

roost.query(Me).then(({ viewer }) => show(viewer?.user.username), fail);
