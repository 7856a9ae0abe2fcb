import { InMemoryCache, type FieldMergeFunction, type Reference, type StoreObject } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";
import generated from "./generated/possibleTypes.js";

/**
 * A normalized cache that knows Roost's lists and reactions: pages of a list grow together, and an answer
 * that was overtaken on its way never puts older counts over newer ones.
 */
export function newCache(): InMemoryCache {
  return new InMemoryCache({
    possibleTypes: generated.possibleTypes,
    typePolicies: {
      Query: {
        fields: {
          searchTweets: relayStylePagination(["query", "filter", "orderBy"]),
          searchUsers: relayStylePagination(["query"]),
        },
      },
      Viewer: { keyFields: [], fields: { homeTimeline: relayStylePagination(["matching"]) } },
      Limits: { keyFields: [] },
      User: {
        fields: {
          followers: relayStylePagination(),
          following: relayStylePagination(),
          timeline: relayStylePagination(["include", "matching"]),
        },
      },
      Tweet: { fields: { retweets: relayStylePagination(), replies: relayStylePagination(["orderBy"]) } },
      Hashtag: { fields: { tweets: relayStylePagination() } },
      ReactionSummary: { merge: newest },
      // Each event replaces the one before.
      Subscription: { fields: { homeTimelineEvents: { merge: false }, sessionEnded: { merge: false } } },
    },
  });
}

/** Of two summaries of one subject the one with the higher revision is newer. */
const newest: FieldMergeFunction<StoreObject | Reference> = (existing, incoming, { mergeObjects, readField }) => {
  if (!existing) {
    return incoming;
  }
  const had = readField<number>("revision", existing);
  const got = readField<number>("revision", incoming);
  return had !== undefined && got !== undefined && got < had ? mergeObjects(incoming, existing) : mergeObjects(existing, incoming);
};
