import { CombinedGraphQLErrors } from "@apollo/client";
import type { RefusalFragment } from "./generated/operations.js";

/** Why an operation failed as a whole, from `extensions.code`. */
export type ErrorCode =
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "BAD_REQUEST"
  | "QUERY_TOO_COMPLEX"
  | "RESPONSE_TOO_LARGE"
  | "RATE_LIMITED"
  | "PERSISTED_QUERY_NOT_FOUND"
  | "UNAVAILABLE"
  | "INTERNAL";

/** The payload of the one field of a mutation. */
type Payload<TData> = NonNullable<TData[Exclude<keyof TData, "__typename">]>;

/** What a mutation gives when it was carried out; only a session key may be absent then. */
export type Done<TData> = {
  readonly [K in Exclude<keyof Payload<TData>, "__typename" | "userErrors">]: K extends "token"
    ? Payload<TData>[K]
    : NonNullable<Payload<TData>[K]>;
};

/** What became of a mutation: it was carried out, or refused for reasons that a form can show. */
export type Result<TData> = { readonly ok: true; readonly value: Done<TData> } | Refused;

/** A mutation that was not carried out. */
export interface Refused {
  readonly ok: false;
  readonly userErrors: readonly RefusalFragment[];
}

/** Sorts the answer of a mutation with one field; its payload has `userErrors`. */
export function resultOf<TData extends object>(data: TData): Result<TData> {
  const [payload] = Object.entries(data).flatMap(([name, value]) => (name === "__typename" ? [] : [value]));
  const { userErrors, ...value } = payload as { userErrors: readonly RefusalFragment[] };
  return userErrors.length > 0 ? { ok: false, userErrors } : { ok: true, value: value as Done<TData> };
}

/** What a mutation gives, for those who have no answer to a refusal: it throws. */
export function done<TData>(result: Result<TData>): Done<TData> {
  if (!result.ok) {
    throw new Error(result.userErrors.map(({ message }) => message).join("; "));
  }
  return result.value;
}

/** The code of the server's error, undefined if the error is another one, such as a lost connection. */
export function codeOf(error: unknown): ErrorCode | undefined {
  if (CombinedGraphQLErrors.is(error)) {
    return error.errors[0]?.extensions?.["code"] as ErrorCode | undefined;
  }
  return error instanceof SessionOver ? "UNAUTHENTICATED" : undefined;
}

/** What is wrong with a BAD_REQUEST, from `extensions.reason`; undefined for other errors. */
export function reasonOf(error: unknown): string | undefined {
  return CombinedGraphQLErrors.is(error) ? (error.errors[0]?.extensions?.["reason"] as string | undefined) : undefined;
}

/** How long to wait before trying again, in milliseconds; undefined if trying again is of no use. */
export function retryAfter(error: unknown): number | undefined {
  const code = codeOf(error);
  if (code === "RATE_LIMITED" || code === "UNAVAILABLE") {
    const seconds = CombinedGraphQLErrors.is(error) ? Number(error.errors[0]?.extensions?.["retryAfter"]) : 0;
    return 1_000 * Math.max(1, seconds || 0);
  }
  return undefined;
}

/** The key is refused, or its session has ended: sockets are closed and stay closed (4403). */
export class SessionOver extends Error {
  override readonly name = "SessionOver";

  constructor() {
    super("the key is refused, or its session has ended");
  }
}
