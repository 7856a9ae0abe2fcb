import type { TweetCardFragment } from "@roost/client";
import { useHomeTimeline, usePost, useReaction, useSession } from "@roost/client/react";

export function Feed() {
  const { user } = useSession();
  const { entries, waiting, showNew, hasMore, loadMore } = useHomeTimeline();
  const post = usePost(); // the same text is posted once, however often it has to be sent
  return (
    <section>
      <form action={async (form) => void (await post(String(form.get("text"))))}>
        <label>What happens, {user?.name ?? "stranger"}? <input name="text" /></label>
        <button>Tweet</button>
      </form>
      {waiting.length > 0 && <button onClick={showNew}>{waiting.length} new</button>}
      <ol>{entries.map(({ node }) => <Entry key={node.id} tweet={node} />)}</ol>
      {hasMore && <button onClick={loadMore}>More</button>}
    </section>
  );
}

function Entry({ tweet }: { tweet: TweetCardFragment }) {
  const { likeCount, viewerReaction, set } = useReaction(tweet); // moves by itself, and at once when pressed
  const next = viewerReaction === "LIKE" ? "NONE" : "LIKE";
  return <li>{tweet.author.name}: {tweet.text} <button onClick={() => set(next)}>{likeCount} likes</button></li>;
}
