import type { UserCardFragment } from "@roost/client";
import { useFollow, useSession } from "@roost/client/react";
import { type ReactNode } from "react";
import { say, sayError } from "../ui/toast.tsx";

/** Follows a user, or stops it. */
export function FollowButton({ user }: { readonly user: Pick<UserCardFragment, "id" | "name" | "username" | "viewerIsFollowing"> }): ReactNode {
  const { user: viewer } = useSession();
  const { following, set } = useFollow(user);
  if (viewer?.id === user.id) {
    return null;
  }
  const press = (): void => {
    if (viewer) {
      void set(!following).catch(sayError);
    } else {
      say(`Log in to follow ${user.name}.`, { to: "/login", label: "Log in" });
    }
  };
  return (
    <button
      type="button"
      className={following ? "button button-plain button-following" : "button button-dark"}
      aria-pressed={following}
      aria-label={`${following ? "Following" : "Follow"} @${user.username}`}
      onClick={press}
    >
      <span className="button-now">{following ? "Following" : "Follow"}</span>
      {following && (
        <span className="button-then" aria-hidden="true">
          Unfollow
        </span>
      )}
    </button>
  );
}
