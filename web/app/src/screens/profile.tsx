import { useQuery } from "@apollo/client/react";
import { User, type TimelineContent, type UserQuery } from "@roost/client";
import { useSession, useTimeline } from "@roost/client/react";
import { useState, type ReactNode } from "react";
import { go } from "../navigation.ts";
import { PageHead, Tabs, useTitle } from "../shell/page.tsx";
import { TweetList } from "../tweets/list.tsx";
import { Avatar } from "../ui/avatar.tsx";
import { Icon } from "../ui/icon.tsx";
import { Link } from "../ui/link.tsx";
import { counted, short } from "../ui/number.ts";
import { Empty, Failed } from "../ui/states.tsx";
import { Month } from "../ui/time.tsx";
import { FollowButton } from "../users/follow.tsx";
import { EditProfile } from "./edit-profile.tsx";

type Profile = NonNullable<UserQuery["user"]>;

const views = {
  tweets: { label: "Tweets", include: ["TWEETS", "RETWEETS"] },
  replies: { label: "Replies", include: ["REPLIES"] },
} as const satisfies Record<string, { readonly label: string; readonly include: readonly TimelineContent[] }>;

type View = keyof typeof views;

/** Somebody's page. */
export function ProfilePage({ username, view }: { readonly username: string; readonly view: View }): ReactNode {
  const { data, error, refetch } = useQuery(User, { variables: { username }, fetchPolicy: "cache-and-network" });
  const user = data?.user;
  useTitle(user ? `${user.name} (@${user.username})` : `@${username}`);
  if (data && !user) {
    return (
      <>
        <PageHead title={`@${username}`} />
        <Empty title="There is nobody of this name">
          <p>
            <Link to={`/search?q=${encodeURIComponent(username)}`}>Search for {username}</Link>
          </p>
        </Empty>
      </>
    );
  }
  return (
    <>
      <PageHead title={user?.name ?? `@${username}`} under={user && counted(user.tweetCount, "tweet", "tweets")} />
      {error && !user ? <Failed error={error} onRetry={() => void refetch().catch(() => {})} /> : <ProfileCard user={user ?? undefined} />}
      <Tabs
        label="Timeline"
        tabs={Object.entries(views).map(([key, { label }]) => ({ key, label }))}
        chosen={view}
        onChoose={(key) => go(key === "tweets" ? `/@${username}` : `/@${username}/${key}`, { replace: true })}
      />
      <UserTweets key={`${username}-${view}`} username={username} view={view} isViewer={user?.isViewer ?? false} />
    </>
  );
}

function UserTweets({ username, view, isViewer }: { readonly username: string; readonly view: View; readonly isViewer: boolean }): ReactNode {
  const timeline = useTimeline(username, views[view].include);
  if (timeline.error && timeline.edges.length === 0) {
    return <Failed error={timeline.error} onRetry={timeline.refresh} />;
  }
  if (!timeline.loading && timeline.edges.length === 0) {
    return <Empty title={view === "replies" ? "No replies yet" : isViewer ? "You have not written anything yet" : "Nothing here yet"} />;
  }
  return (
    <TweetList
      label={`${views[view].label} of @${username}`}
      entries={timeline.edges}
      loading={timeline.loading}
      loadingMore={timeline.loadingMore}
      hasMore={timeline.hasMore}
      error={timeline.error}
      onMore={() => void timeline.loadMore()}
    />
  );
}

function ProfileCard({ user }: { readonly user: Profile | undefined }): ReactNode {
  const { user: viewer } = useSession();
  const [editing, setEditing] = useState(false);
  if (!user) {
    return <div className="profile profile-loading" role="status" aria-label="Loading" />;
  }
  return (
    <section className="profile" aria-label={`About ${user.name}`}>
      <div className="profile-top">
        <Avatar user={user} size="large" />
        {viewer?.id === user.id ? (
          <button type="button" className="button button-plain" onClick={() => setEditing(true)}>
            Edit profile
          </button>
        ) : (
          <FollowButton user={user} />
        )}
      </div>
      <p className="profile-name">{user.name}</p>
      <p className="muted">
        @{user.username} {user.isFollowingViewer && <span className="badge">Follows you</span>}
      </p>
      {user.bio && (
        <p className="profile-bio" dir="auto">
          {user.bio}
        </p>
      )}
      <p className="profile-facts muted">
        {user.websiteUrl && (
          <span>
            <Icon name="link" />
            <a href={user.websiteUrl} rel="me noopener nofollow ugc" target="_blank">
              {user.websiteUrl.replace(/^https?:\/\//, "").replace(/\/$/, "")}
            </a>
          </span>
        )}
        <span>
          <Icon name="calendar" />
          <span>
            Joined <Month at={user.createdAt} />
          </span>
        </span>
      </p>
      <p className="profile-counts">
        <Link to={`/@${user.username}/following`}>
          <b>{short(user.following.totalCount)}</b> following
        </Link>
        <Link to={`/@${user.username}/followers`}>
          <b>{short(user.followers.totalCount)}</b> {user.followers.totalCount === 1 ? "follower" : "followers"}
        </Link>
      </p>
      {editing && <EditProfile user={user} onClose={() => setEditing(false)} />}
    </section>
  );
}
