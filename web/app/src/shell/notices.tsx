import type { SessionEndReason } from "@roost/client";
import { useConnectionState, useSession } from "@roost/client/react";
import { useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import { Link } from "../ui/link.tsx";

const patience = 1_500; // milliseconds that a connection may be broken before the page says so

function onNetwork(listener: () => void): () => void {
  addEventListener("online", listener);
  addEventListener("offline", listener);
  return () => {
    removeEventListener("online", listener);
    removeEventListener("offline", listener);
  };
}

/** Says, quietly, that there is no connection. */
export function ConnectionNotice(): ReactNode {
  const state = useConnectionState();
  const online = useSyncExternalStore(onNetwork, () => navigator.onLine);
  const [late, setLate] = useState(false);
  const broken = !online || state === "waiting";
  useEffect(() => {
    if (!broken) {
      setLate(false);
      return undefined;
    }
    const timer = setTimeout(() => setLate(true), patience);
    return () => clearTimeout(timer);
  }, [broken]);
  return (
    <div className="connection" role="status">
      {broken && late && <p>{online ? "Connecting again… What is new comes as soon as the connection is back." : "You are offline."}</p>}
    </div>
  );
}

const reasons: Record<SessionEndReason | "UNKNOWN", string> = {
  LOGGED_OUT: "You signed out.",
  LOGGED_IN_ELSEWHERE: "You are signed out here, because you signed in on another device.",
  REVOKED: "You are signed out here: the session was ended from another device.",
  PASSWORD_CHANGED: "You are signed out here, because the password was changed.",
  EXPIRED: "Your session has expired.",
  ACCOUNT_CLOSED: "This account is closed.",
  UNKNOWN: "Your session has ended.",
};

/** Says why the last session ended, if it was not ended here. */
export function SessionNotice(): ReactNode {
  const { ended, status } = useSession();
  const [hidden, setHidden] = useState(false);
  useEffect(() => setHidden(false), [ended]);
  if (ended === undefined || hidden || status === "signedIn") {
    return null;
  }
  return (
    <div className="notice" role="alert">
      <p>{reasons[ended] ?? reasons.UNKNOWN}</p>
      <Link to="/login" className="button">
        Log in
      </Link>
      <button type="button" className="button button-plain" onClick={() => setHidden(true)}>
        Hide
      </button>
    </div>
  );
}
