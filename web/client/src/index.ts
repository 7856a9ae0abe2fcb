export * from "./generated/operations.js";
export { newCache } from "./cache.js";
export { codeOf, done, reasonOf, resultOf, retryAfter, SessionOver, type Done, type ErrorCode, type Refused, type Result } from "./results.js";
export { connect, Roost, type RoostOptions } from "./roost.js";
export type { ConnectionState } from "./socket.js";
export { LiveTimeline, type TimelineOptions, type TimelineView } from "./timeline.js";
