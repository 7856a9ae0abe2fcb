import { useQuery } from "@apollo/client/react";
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from "react";
import type { Unsubscribable } from "rxjs";
import {
  Me,
  SessionEnded,
  type LogInMutation,
  type LogOutMutation,
  type SessionEndReason,
  type SignUpMutation,
  type UserNameFragment,
} from "../generated/operations.js";
import { Again } from "../again.js";
import type { Result } from "../results.js";
import type { Roost } from "../roost.js";

/** Who is signed in, and how to change that. */
export interface Session {
  /** `loading` until the server has said who is signed in. */
  readonly status: "loading" | "signedIn" | "signedOut";
  /** Whoever is signed in. */
  readonly user: UserNameFragment | undefined;
  /** Counts the sessions of this page: what belongs to one session is read again in the next. */
  readonly generation: number;
  /** Why the last session ended if it was not ended here; undefined after the next sign-in. */
  readonly ended: SessionEndReason | "UNKNOWN" | undefined;
  /** Why the server could not say who is signed in; it is asked again. */
  readonly error: unknown;
  readonly signUp: (input: Parameters<Roost["signUp"]>[0]) => Promise<Result<SignUpMutation>>;
  readonly logIn: (input: Parameters<Roost["logIn"]>[0]) => Promise<Result<LogInMutation>>;
  readonly logOut: () => Promise<Result<LogOutMutation>>;
}

export const SessionContext = createContext<Session | undefined>(undefined);

/** Who is signed in. The notice that the session ended elsewhere is in `ended`. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) {
    throw new Error("there is no RoostProvider above this component");
  }
  return session;
}

/** The state behind useSession, once for each provider. */
export function useSessionState(roost: Roost): Session {
  const { data, error, refetch } = useQuery(Me);
  const again = useMemo(() => new Again(() => void refetch().catch(() => {})), [refetch]); // a failure comes as `error`, too
  useEffect(() => () => again.stop(), [again]);
  useEffect(() => {
    if (error && !data) {
      again.soon(error);
    }
  }, [again, error, data]);
  const [generation, setGeneration] = useState(0);
  const [ended, setEnded] = useState<Session["ended"]>(undefined);
  const user = data?.viewer?.user;
  const userId = user?.id;

  useEffect(() => {
    if (userId === undefined) {
      return undefined;
    }
    let over = false;
    const end = (reason: SessionEndReason | "UNKNOWN"): void => {
      if (!over) {
        over = true;
        setEnded(reason);
        setGeneration((count) => count + 1);
        void roost.forgetSession();
      }
    };
    const follow = (): Unsubscribable =>
      roost.subscribe(SessionEnded).subscribe({
        next: ({ sessionEnded }) => end(sessionEnded.reason),
        error: (failure) => (roost.connection === "ended" ? end("UNKNOWN") : retry.soon(failure)),
      });
    const retry = new Again(() => (events = follow()));
    let events = follow();
    // The server closes the socket of an ended session; the event above may be lost with it.
    const stop = roost.onConnection(() => roost.connection === "ended" && setTimeout(() => end("UNKNOWN")));
    return () => {
      over = true;
      retry.stop();
      events.unsubscribe();
      stop();
    };
  }, [roost, userId]);

  const began = useCallback(<R extends { readonly ok: boolean }>(result: R): R => {
    if (result.ok) {
      setEnded(undefined);
      setGeneration((count) => count + 1);
    }
    return result;
  }, []);

  return useMemo(
    () => ({
      status: user ? "signedIn" : data ? "signedOut" : "loading",
      user,
      generation,
      ended,
      error: data ? undefined : error,
      signUp: async (input) => began(await roost.signUp(input)),
      logIn: async (input) => began(await roost.logIn(input)),
      logOut: async () => began(await roost.logOut()),
    }),
    [roost, began, user, data, generation, ended, error],
  );
}
