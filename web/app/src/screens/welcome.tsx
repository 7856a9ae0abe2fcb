import { useTimeline, useUserSearch } from "@roost/client/react";
import { type ReactNode } from "react";
import { settings } from "../settings.ts";
import { useTitle } from "../shell/page.tsx";
import { TweetCard } from "../tweets/card.tsx";
import { Mark } from "../ui/icon.tsx";
import { Avatar } from "../ui/avatar.tsx";
import { Link } from "../ui/link.tsx";

/** What somebody sees who is not signed in. */
export function Welcome(): ReactNode {
  useTitle(undefined);
  const people = useUserSearch("", { first: 8 });
  const star = people.edges[0]?.node.username;
  return (
    <div className="welcome">
      <div className="welcome-hero">
        <Mark />
        <h1>What happens, as it happens</h1>
        <p>Follow people, and read what they write in order, complete, and live on all your screens.</p>
        <p className="welcome-buttons">
          <Link to="/signup" className="button button-large">
            Sign up
          </Link>
          <Link to="/login" className="button button-plain button-large">
            Log in
          </Link>
        </p>
        {settings.demo && <p className="muted">This is a demo: whatever you write here stays on this machine.</p>}
      </div>
      <section aria-labelledby="welcome-people">
        <h2 id="welcome-people" className="section-title">
          People whom many follow
        </h2>
        <ul className="faces">
          {people.edges.map(({ node }) => (
            <li key={node.id}>
              <Link to={`/@${node.username}`}>
                <Avatar user={node} size="large" />
                <b>{node.name}</b>
                <span className="muted">@{node.username}</span>
              </Link>
            </li>
          ))}
        </ul>
      </section>
      {star && <Latest username={star} />}
    </div>
  );
}

function Latest({ username }: { readonly username: string }): ReactNode {
  const { edges } = useTimeline(username, ["TWEETS", "RETWEETS"], 5);
  return (
    <section aria-labelledby="welcome-latest">
      <h2 id="welcome-latest" className="section-title">
        Lately
      </h2>
      {edges.map(({ node, retweet }) => (
        <TweetCard key={node.id} tweet={node} retweet={retweet} />
      ))}
    </section>
  );
}
