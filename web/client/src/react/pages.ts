import type { OperationVariables, TypedDocumentNode } from "@apollo/client";
import { useQuery } from "@apollo/client/react";
import { useCallback, useMemo, useState } from "react";
import {
  Followers,
  Following,
  HashtagTweets,
  HomeSearch,
  SearchTweets,
  SearchUsers,
  UserTimeline,
  type SearchTweetsQueryVariables,
  type TimelineContent,
} from "../generated/operations.js";

/** A list that is read page by page. */
export interface Pages<TEdge> {
  readonly edges: readonly TEdge[];
  /** Whether nothing has been read yet. */
  readonly loading: boolean;
  readonly loadingMore: boolean;
  readonly hasMore: boolean;
  readonly loadMore: () => Promise<void>;
  readonly error: unknown;
  readonly refresh: () => void;
}

/** What every connection has. */
interface Connection<TEdge> {
  readonly edges: readonly TEdge[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

const none: readonly never[] = [];

interface Edge {
  readonly node: { readonly id: string };
}

/** The edges without those whose node came before: an entry that was pushed may come again with a later page. */
function once<TEdge extends Edge>(edges: readonly TEdge[]): readonly TEdge[] {
  const seen = new Set<string>();
  const kept = edges.filter(({ node }) => !seen.has(node.id) && seen.add(node.id));
  return kept.length === edges.length ? edges : kept;
}

/**
 * A connection of any query, page by page. `pick` finds the connection in the answer; the query has the variables `first`
 * and `after`.
 */
export function usePages<TData, TVariables extends OperationVariables, TEdge extends Edge>(
  query: TypedDocumentNode<TData, TVariables>,
  variables: TVariables,
  pick: (data: TData) => Connection<TEdge> | null | undefined,
  { skip = false, fresh = true }: { readonly skip?: boolean; readonly fresh?: boolean } = {},
): Pages<TEdge> & { readonly data: TData | undefined } {
  const { data, loading, error, fetchMore, refetch } = useQuery<TData, OperationVariables>(query as TypedDocumentNode<TData>, {
    variables,
    skip,
    fetchPolicy: fresh ? "cache-and-network" : "cache-first",
    nextFetchPolicy: "cache-first",
  });
  const [loadingMore, setLoadingMore] = useState(false);
  const [failed, setFailed] = useState<{ readonly after: unknown; readonly error: unknown }>();
  const connection = data ? pick(data as TData) : undefined;
  const all = connection?.edges ?? none;
  const edges = useMemo(() => once<TEdge>(all), [all]);
  const after = connection?.pageInfo.endCursor;
  const loadMore = useCallback(async () => {
    setLoadingMore(true);
    setFailed(undefined);
    try {
      await fetchMore({ variables: { after } });
    } catch (failure) {
      setFailed({ after, error: failure });
    } finally {
      setLoadingMore(false);
    }
  }, [fetchMore, after]);
  return {
    data: data as TData | undefined,
    edges,
    loading: loading && !connection,
    loadingMore,
    hasMore: connection?.pageInfo.hasNextPage ?? false,
    loadMore,
    error: connection ? (failed?.after === after ? failed?.error : undefined) : error,
    refresh: useCallback(() => void refetch().catch(() => {}), [refetch]),
  };
}

/** A user's own timeline: their tweets and retweets, or their replies. */
export function useTimeline(username: string, include: readonly TimelineContent[] = ["TWEETS", "RETWEETS"], first = 20) {
  return usePages(UserTimeline, { username, include: [...include], first }, (data) => data.user?.timeline);
}

/** The entries of the viewer's home timeline whose tweets match a search, newest first, however old they are. */
export function useHomeSearch(matching: string, { first = 20, skip = false }: { readonly first?: number; readonly skip?: boolean } = {}) {
  return usePages(HomeSearch, { matching, first }, (data) => data.viewer?.homeTimeline, { skip: skip || matching.trim() === "" });
}

/** The tweets with a hashtag, newest first. */
export function useHashtag(name: string, first = 20) {
  return usePages(HashtagTweets, { name, first }, (data) => data.hashtag?.tweets);
}

/** Who follows a user, newest first. */
export function useFollowers(username: string, first = 30) {
  return usePages(Followers, { username, first }, (data) => data.user?.followers);
}

/** Whom a user follows, newest first. */
export function useFollowing(username: string, first = 30) {
  return usePages(Following, { username, first }, (data) => data.user?.following);
}

/** Users whose username begins with the text, or whose name has its words; with an empty text the most followed. */
export function useUserSearch(query: string, { first = 10, skip = false }: { readonly first?: number; readonly skip?: boolean } = {}) {
  return usePages(SearchUsers, { query, first }, (data) => data.searchUsers, { skip });
}

/** Tweets that match a search. */
export function useTweetSearch(variables: SearchTweetsQueryVariables, { skip = false }: { readonly skip?: boolean } = {}) {
  return usePages(SearchTweets, { first: 20, ...variables }, (data) => data.searchTweets, { skip: skip || variables.query.trim() === "" });
}
