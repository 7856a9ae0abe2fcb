import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import {
  CreateTweet,
  SetFollow,
  SetRetweet,
  type CreateTweetMutation,
  type ReactionKind,
  type TweetReactionsFragment,
  type TweetRetweetsFragment,
  type TweetStateFragment,
} from "../generated/operations.js";
import { done, resultOf, type Result } from "../results.js";
import { withState } from "../tweets.js";
import { withReaction, type Reactions } from "../writes.js";
import { useRoost, useShared } from "./context.js";
import { countReply } from "./thread.js";

/** The reactions to a tweet, as the viewer sees them, and what changes the viewer's own. */
export interface ReactionState extends Reactions {
  /** Sets the reaction at once; rejects if the server refused it, and then it is as it was. */
  readonly set: (reaction: ReactionKind) => Promise<void>;
}

/**
 * The reactions to a tweet, live while the component is mounted. The viewer's own shows at once, and the counts with it.
 * Of two states of the counts the one with the higher revision wins, whatever came last.
 */
export function useReaction(subject: TweetReactionsFragment, { live = true }: { readonly live?: boolean } = {}): ReactionState {
  const { roost, reactions: writes } = useShared();
  const { id, reactions } = subject;
  const wanted = useSyncExternalStore(writes.onChange, () => writes.wanted(id));
  useEffect(() => (live ? roost.watchReactions(id) : undefined), [roost, id, live]);
  const set = useCallback((reaction: ReactionKind) => writes.set(id, reaction), [writes, id]);
  return { ...withReaction(reactions, wanted), set };
}

/**
 * A tweet of a list as it is now: its counts, what the viewer did with it, its author's name. To be used where a tweet is drawn;
 * lists that are read with `live: false` do not follow these themselves.
 */
export function useTweet<T extends TweetStateFragment>(tweet: T): T {
  const { tweets } = useRoost();
  const { id } = tweet;
  const subscribe = useCallback((listener: () => void) => tweets.watch(id, listener), [tweets, id]);
  const state = useSyncExternalStore(subscribe, () => tweets.read(id));
  return useMemo(() => withState(tweet, state), [tweet, state]);
}

/** A switch that shows what was asked for until the server has answered. */
function useSwitch(on: boolean, send: (on: boolean) => Promise<void>): readonly [boolean, (on: boolean) => Promise<void>] {
  const [wanted, setWanted] = useState<boolean | undefined>(undefined);
  const last = useRef<boolean | undefined>(undefined);
  const running = useRef<Promise<void> | undefined>(undefined);
  const set = useCallback(
    (next: boolean) => {
      last.current = next;
      setWanted(next);
      running.current ??= (async () => {
        try {
          for (let sent: boolean | undefined; last.current !== undefined && last.current !== sent; ) {
            sent = last.current;
            await send(sent);
          }
        } finally {
          last.current = undefined;
          running.current = undefined;
          setWanted(undefined);
        }
      })();
      return running.current;
    },
    [send],
  );
  return [wanted ?? on, set];
}

/** Whether the viewer has retweeted a tweet, and how many have. It shows at once. */
export function useRetweet(tweet: TweetRetweetsFragment) {
  const roost = useRoost();
  const { id } = tweet;
  const send = useCallback(
    async (retweet: boolean) => void done(await roost.act(SetRetweet, { tweetId: id, retweet })),
    [roost, id],
  );
  const [retweeted, set] = useSwitch(tweet.viewerHasRetweeted, send);
  return {
    retweeted,
    count: Math.max(0, tweet.retweetCount + Number(retweeted) - Number(tweet.viewerHasRetweeted)),
    set,
  };
}

/** Whether the viewer follows a user. It shows at once. */
export function useFollow(user: { readonly id: string; readonly viewerIsFollowing: boolean }) {
  const roost = useRoost();
  const { id } = user;
  const send = useCallback(
    async (follow: boolean) => void done(await roost.act(SetFollow, { userId: id, follow })),
    [roost, id],
  );
  const [following, set] = useSwitch(user.viewerIsFollowing, send);
  return { following, set };
}

/**
 * Posts a tweet, or an answer to one, exactly once: when it is not known whether the last attempt went well, the same text
 * is sent with the same key again.
 */
export function usePost(): (text: string, inReplyToId?: string) => Promise<Result<CreateTweetMutation>> {
  const roost = useRoost();
  const attempt = useRef<{ readonly what: string; readonly key: string } | undefined>(undefined);
  return useCallback(
    async (text, inReplyToId) => {
      const what = JSON.stringify([text, inReplyToId]);
      if (attempt.current?.what !== what) {
        attempt.current = { what, key: newKey() };
      }
      const input = inReplyToId === undefined ? { text } : { text, inReplyToId };
      const headers = { "Idempotency-Key": attempt.current.key };
      const { data } = await roost.apollo.mutate({ mutation: CreateTweet, variables: { input }, context: { headers } });
      const result = resultOf(data as CreateTweetMutation);
      attempt.current = undefined;
      if (result.ok && inReplyToId !== undefined) {
        countReply(roost.apollo.cache, inReplyToId, result.value.tweet.id);
      }
      return result;
    },
    [roost],
  );
}

/** A key that nobody else has. `crypto.randomUUID` exists on secure pages only. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
