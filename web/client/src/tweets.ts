import type { ApolloCache } from "@apollo/client";
import { Kind, OperationTypeNode, type DocumentNode } from "graphql";
import { TweetState, type TweetStateFragment } from "./generated/operations.js";

/** The fragment as a query of one tweet. */
const query: DocumentNode = {
  kind: Kind.DOCUMENT,
  definitions: [
    {
      kind: Kind.OPERATION_DEFINITION,
      operation: OperationTypeNode.QUERY,
      selectionSet: {
        kind: Kind.SELECTION_SET,
        selections: [{ kind: Kind.FRAGMENT_SPREAD, name: { kind: Kind.NAME, value: "TweetState" } }],
      },
    },
    ...TweetState.definitions,
  ],
};

/** What the cache has of a tweet that changes: its counts, what the viewer did, the author's name. Some of it may be missing. */
export type KnownState = Partial<TweetStateFragment> | undefined;

/** The changing state of single tweets in the cache. To watch a tweet is much cheaper than to watch the list that has it. */
export class TweetStates {
  readonly #cache: ApolloCache;

  constructor(cache: ApolloCache) {
    this.#cache = cache;
  }

  /** Writes the state of tweets that were just read. */
  put(tweets: readonly TweetStateFragment[]): void {
    if (tweets.length === 0) {
      return;
    }
    this.#cache.batch({
      update: (cache) => {
        for (const data of tweets) {
          cache.writeFragment({ fragment: TweetState, fragmentName: "TweetState", id: `Tweet:${data.id}`, data });
        }
      },
    });
  }

  /** The state of a tweet; the same object until it changes. */
  read(id: string): KnownState {
    return this.#cache.diff<TweetStateFragment>(this.#options(id)).result as KnownState;
  }

  /** Calls the listener after each change, until the returned function is called. */
  watch(id: string, listener: () => void): () => void {
    return this.#cache.watch({ ...this.#options(id), callback: listener });
  }

  #options(id: string) {
    return { query, id: `Tweet:${id}`, optimistic: true, returnPartialData: true };
  }
}

/** A tweet with its newest state; the same object if nothing is new. Of two reactions those of the higher revision are newer. */
export function withState<T extends TweetStateFragment>(tweet: T, state: KnownState): T {
  if (!state?.id) {
    return tweet;
  }
  const { reactions = tweet.reactions } = state;
  const now: T = { ...tweet, ...state, reactions: reactions.revision < tweet.reactions.revision ? tweet.reactions : reactions };
  return same(tweet, now) ? tweet : now;
}

/** Whether two states of a tweet show the same. */
function same(one: TweetStateFragment, other: TweetStateFragment): boolean {
  return (
    one.replyCount === other.replyCount &&
    one.retweetCount === other.retweetCount &&
    one.viewerHasRetweeted === other.viewerHasRetweeted &&
    one.author.name === other.author.name &&
    one.author.username === other.author.username &&
    one.reactions.revision === other.reactions.revision &&
    one.reactions.viewerReaction === other.reactions.viewerReaction &&
    one.reactions.likeCount === other.reactions.likeCount &&
    one.reactions.dislikeCount === other.reactions.dislikeCount
  );
}
