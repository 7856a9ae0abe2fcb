import { Client, fetchExchange, gql, subscriptionExchange, type ExecutionResult } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { createClient } from "graphql-ws";

/** Types without an id belong to the object that contains them. */
const embedded = [
  "Viewer", "ReactionSummary", "PageInfo", "Limits", "RateLimit", "HomeTimelineConnection", "TimelineConnection", "TimelineEdge",
  "TweetConnection", "TweetEdge", "RetweetConnection", "RetweetEdge", "UserConnection", "UserEdge", "FollowConnection", "FollowEdge",
  "HashtagEntity", "MentionEntity", "LinkEntity", "UserError",
];

/** A client with a normalized cache. `key` is for apps; browsers have a cookie instead. */
export function newClient(roost: string, key?: string, webSocketImpl?: unknown): { client: Client; close: () => void } {
  const url = `${roost}/graphql`;
  const socket = createClient({
    url: url.replace(/^http/, "ws"),
    webSocketImpl,
    connectionParams: key ? { Authorization: `Bearer ${key}` } : {},
    shouldRetry: () => true, // also when the very first connection fails
    retryAttempts: Infinity,
  });
  const client = new Client({
    url,
    preferGetMethod: false, // mutations and long documents are POST anyway
    fetchOptions: key ? { headers: { Authorization: `Bearer ${key}` } } : { credentials: "include" },
    exchanges: [
      cacheExchange({
        keys: Object.fromEntries(embedded.map((type) => [type, () => null])),
        resolvers: {
          Viewer: { homeTimeline: relayPagination() }, // pages of one list become one list
          User: { timeline: relayPagination(), followers: relayPagination(), following: relayPagination() },
        },
        updates: {
          Mutation: {
            deleteTweet: ({ deleteTweet }, _args, cache) => {
              const id = (deleteTweet as { deletedTweetId?: string } | null)?.deletedTweetId;
              if (id) {
                cache.invalidate({ __typename: "Tweet", id });
              }
            },
          },
        },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe(
              { query: query ?? "", variables },
              { ...sink, next: (result) => sink.next(result as ExecutionResult) },
            ),
          }),
        }),
      }),
    ],
  });
  return { client, close: () => void socket.dispose() };
}

export const Home = gql`
  query Home($first: Int, $after: String) {
    viewer {
      homeTimeline(first: $first, after: $after) {
        edges { cursor node { id text reactions { likeCount viewerReaction revision } } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }
`;

/** The answer has `id` and `reactions`, so every query that shows the tweet shows the new counts. */
export const Counts = gql`
  subscription Counts($ids: [ID!]!) {
    reactionsChanged(subjectIds: $ids) { id reactions { likeCount viewerReaction revision } }
  }
`;
