export { useFollow, usePost, useReaction, useRetweet, useTweet, type ReactionState } from "./actions.js";
export { RoostProvider, useConnectionState, useRoost } from "./context.js";
export { useHomeTimeline, type HomeTimelineState } from "./home.js";
export { useFollowers, useFollowing, useHashtag, useHomeSearch, usePages, useTimeline, useTweetSearch, useUserSearch, type Pages } from "./pages.js";
export { useRested, useSearch } from "./search.js";
export { useSession, type Session } from "./session.js";
export { useThread } from "./thread.js";
