import type { ApolloCache } from "@apollo/client";
import { useEffect } from "react";
import { Thread, type ReplyOrder, type ThreadQuery, type ThreadQueryVariables } from "../generated/operations.js";
import { LiveReplies, type Reply } from "../replies.js";
import { useRoost } from "./context.js";
import { usePages } from "./pages.js";
import { useSession } from "./session.js";

/** A tweet with what it answers and its answers, live. New answers come once, on top of the list, or at its end if the oldest is first. */
export function useThread(id: string, { orderBy = "RELEVANT", first = 20 }: { readonly orderBy?: ReplyOrder; readonly first?: number } = {}) {
  const roost = useRoost();
  const { generation } = useSession();
  const variables: ThreadQueryVariables = { id, first, orderBy };
  const pages = usePages(Thread, variables, (data: ThreadQuery) => data.tweet?.replies);
  const found = Boolean(pages.data?.tweet);

  useEffect(() => {
    if (!found) {
      return undefined;
    }
    const { cache } = roost.apollo;
    const replies = new LiveReplies(roost, id, {
      onReply: (reply) => putReply(cache, { id, first, orderBy }, reply),
      count: () => roost.tweets.read(id)?.replyCount,
    });
    return () => replies.close();
  }, [roost, id, first, orderBy, found, generation]);
  return { tweet: pages.data?.tweet, replies: pages };
}

/** Puts a new reply into a thread and counts it, unless it is there already. If it belongs to a page that was not read, it is only counted. */
function putReply(cache: ApolloCache, variables: ThreadQueryVariables, reply: Reply): void {
  let isNew = false;
  cache.updateQuery({ query: Thread, variables }, (data) => {
    const { tweet } = data ?? {};
    if (!data || !tweet || tweet.replies.edges.some(({ node }) => node.id === reply.node.id)) {
      return undefined;
    }
    isNew = true;
    const { edges, pageInfo } = tweet.replies;
    const isLast = variables.orderBy === "OLDEST";
    if (isLast && pageInfo.hasNextPage) {
      return undefined;
    }
    const edge = { __typename: "TweetEdge" as const, cursor: reply.cursor, node: reply.node };
    return { ...data, tweet: { ...tweet, replies: { ...tweet.replies, edges: isLast ? [...edges, edge] : [edge, ...edges] } } };
  });
  if (isNew) {
    countReply(cache, variables.id, reply.node.id);
  }
}

const counted = new WeakMap<ApolloCache, Set<string>>();

/** Counts a reply to a tweet, once: it may come as the answer to a mutation and as an event. */
export function countReply(cache: ApolloCache, tweetId: string, replyId: string): void {
  const ids = counted.get(cache) ?? new Set();
  counted.set(cache, ids);
  if (!ids.has(replyId)) {
    ids.add(replyId);
    const id = cache.identify({ __typename: "Tweet", id: tweetId });
    if (id !== undefined) {
      cache.modify({ id, fields: { replyCount: (count: number) => count + 1 } });
    }
  }
}
