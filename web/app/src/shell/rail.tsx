import { useSession, useUserSearch } from "@roost/client/react";
import { type ReactNode } from "react";
import { useLocation } from "wouter";
import { settings } from "../settings.ts";
import { Avatar } from "../ui/avatar.tsx";
import { Link } from "../ui/link.tsx";
import { FollowButton } from "../users/follow.tsx";
import { SearchBox } from "./search-box.tsx";
import { showKeys } from "./keys.tsx";

/** What stands beside the page on wide screens: search, and people to follow. */
export function Rail(): ReactNode {
  const [path] = useLocation();
  return (
    <aside className="rail" aria-label="Search and people">
      {path !== "/search" && <SearchBox />}
      <WhoToFollow />
      <footer className="rail-foot">
        <a href="/docs">API guide</a>
        {settings.playground && <a href="/playground">Playground</a>}
        <a href="/schema.graphqls">Schema</a>
        <button type="button" onClick={showKeys}>
          Keys
        </button>
      </footer>
    </aside>
  );
}

/** The most followed people whom the viewer does not follow. */
function WhoToFollow(): ReactNode {
  const { user } = useSession();
  const { edges, loading } = useUserSearch("", { first: 20 });
  const shown = edges.filter(({ node }) => node.id !== user?.id && !node.viewerIsFollowing).slice(0, 4);
  if (!loading && shown.length === 0) {
    return null;
  }
  return (
    <section className="panel" aria-labelledby="who-to-follow">
      <h2 id="who-to-follow">Who to follow</h2>
      <ul className="people-small">
        {shown.map(({ node }) => (
          <li key={node.id}>
            <Link to={`/@${node.username}`} className="person-small">
              <Avatar user={node} />
              <span className="person-small-text">
                <b>{node.name}</b>
                <span className="muted">@{node.username}</span>
              </span>
            </Link>
            <FollowButton user={node} />
          </li>
        ))}
      </ul>
      <Link to="/explore" className="panel-more">
        More people
      </Link>
    </section>
  );
}
