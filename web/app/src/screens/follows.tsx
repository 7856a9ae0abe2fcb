import { useFollowers, useFollowing } from "@roost/client/react";
import { type ReactNode } from "react";
import { go } from "../navigation.ts";
import { PageHead, Tabs, useTitle } from "../shell/page.tsx";
import { NoPeople, UserList } from "../users/list.tsx";

interface FollowsProps {
  readonly username: string;
  readonly side: "followers" | "following";
}

/** Who follows somebody, or whom somebody follows. */
export function FollowsPage({ username, side }: FollowsProps): ReactNode {
  useTitle(side === "followers" ? `Followers of @${username}` : `@${username} follows`);
  return (
    <>
      <PageHead title={`@${username}`} />
      <Tabs
        label="People"
        tabs={[
          { key: "following", label: "Following" },
          { key: "followers", label: "Followers" },
        ]}
        chosen={side}
        onChoose={(key) => go(`/@${username}/${key}`, { replace: true })}
      />
      {side === "followers" ? <Followers username={username} /> : <Following username={username} />}
    </>
  );
}

function Followers({ username }: { readonly username: string }): ReactNode {
  return <UserList pages={useFollowers(username)} label="Followers" empty={<NoPeople title={`Nobody follows @${username} yet`} />} />;
}

function Following({ username }: { readonly username: string }): ReactNode {
  return <UserList pages={useFollowing(username)} label="Following" empty={<NoPeople title={`@${username} follows nobody yet`} />} />;
}
