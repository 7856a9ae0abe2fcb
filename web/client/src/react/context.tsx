import { ApolloProvider } from "@apollo/client/react";
import { createContext, useContext, useMemo, useSyncExternalStore, type ReactNode } from "react";
import type { Roost } from "../roost.js";
import type { ConnectionState } from "../socket.js";
import { ReactionWrites } from "../writes.js";
import { SessionContext, useSessionState } from "./session.js";

interface Shared {
  readonly roost: Roost;
  readonly reactions: ReactionWrites;
}

const Context = createContext<Shared | undefined>(undefined);

/** Makes a Roost available to the hooks below it, and to the hooks of Apollo Client. */
export function RoostProvider({ roost, children }: { readonly roost: Roost; readonly children: ReactNode }): ReactNode {
  const shared = useMemo(() => ({ roost, reactions: new ReactionWrites(roost) }), [roost]);
  return (
    <Context value={shared}>
      <ApolloProvider client={roost.apollo}>
        <WithSession roost={roost}>{children}</WithSession>
      </ApolloProvider>
    </Context>
  );
}

function WithSession({ roost, children }: { readonly roost: Roost; readonly children: ReactNode }): ReactNode {
  return <SessionContext value={useSessionState(roost)}>{children}</SessionContext>;
}

/** What the provider above has. */
export function useShared(): Shared {
  const shared = useContext(Context);
  if (!shared) {
    throw new Error("there is no RoostProvider above this component");
  }
  return shared;
}

/** The Roost of the provider above. */
export function useRoost(): Roost {
  return useShared().roost;
}

/** How live updates are doing. */
export function useConnectionState(): ConnectionState {
  const roost = useRoost();
  return useSyncExternalStore(roost.onConnection, () => roost.connection);
}
