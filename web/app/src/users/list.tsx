import type { UserCardFragment } from "@roost/client";
import type { Pages } from "@roost/client/react";
import type { ReactNode } from "react";
import { Avatar } from "../ui/avatar.tsx";
import { Link } from "../ui/link.tsx";
import { More } from "../ui/more.tsx";
import { Empty, Failed, SkeletonTweets } from "../ui/states.tsx";
import { FollowButton } from "./follow.tsx";

interface UserListProps {
  readonly pages: Pages<{ readonly node: UserCardFragment }>;
  readonly label: string;
  readonly empty: ReactNode;
}

/** People, page by page. */
export function UserList({ pages, label, empty }: UserListProps): ReactNode {
  if (pages.loading) {
    return <SkeletonTweets />;
  }
  if (pages.error && pages.edges.length === 0) {
    return <Failed error={pages.error} onRetry={pages.refresh} />;
  }
  if (pages.edges.length === 0) {
    return <>{empty}</>;
  }
  return (
    <>
      <ul className="people" aria-label={label}>
        {pages.edges.map(({ node }) => (
          <UserRow key={node.id} user={node} />
        ))}
      </ul>
      <More
        hasMore={pages.hasMore}
        busy={pages.loadingMore}
        error={pages.error}
        length={pages.edges.length}
        onMore={() => void pages.loadMore()}
        margin={800}
      />
    </>
  );
}

/** Somebody in a list of people. */
export function UserRow({ user }: { readonly user: UserCardFragment }): ReactNode {
  return (
    <li className="person">
      <Link to={`/@${user.username}`} tabIndex={-1} aria-hidden="true">
        <Avatar user={user} />
      </Link>
      <div className="person-text">
        <p className="person-name">
          <Link to={`/@${user.username}`}>{user.name}</Link>
          {user.isFollowingViewer && <span className="badge">Follows you</span>}
        </p>
        <p className="muted">@{user.username}</p>
        {user.bio && (
          <p className="person-bio" dir="auto">
            {user.bio}
          </p>
        )}
      </div>
      <FollowButton user={user} />
    </li>
  );
}

/** What a list of people says when it is empty. */
export function NoPeople({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  return <Empty title={title}>{children}</Empty>;
}
