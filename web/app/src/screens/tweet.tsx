import type { ReplyOrder, ThreadQuery } from "@roost/client";
import { useSession, useThread } from "@roost/client/react";
import { useId, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { go } from "../navigation.ts";
import { PageHead, useTitle } from "../shell/page.tsx";
import { TweetActions } from "../tweets/actions.tsx";
import { TweetCard } from "../tweets/card.tsx";
import { Composer } from "../tweets/compose.tsx";
import { TweetList } from "../tweets/list.tsx";
import { Avatar } from "../ui/avatar.tsx";
import { Link } from "../ui/link.tsx";
import { Empty, Failed, SkeletonTweets } from "../ui/states.tsx";
import { TweetText } from "../ui/text.tsx";
import { FullTime } from "../ui/time.tsx";

type Focal = NonNullable<ThreadQuery["tweet"]>;

/** A tweet with what it answers above it and its answers below. */
export function TweetPage({ id }: { readonly id: string }): ReactNode {
  const [order, setOrder] = useState<ReplyOrder>("RELEVANT");
  const { tweet, replies } = useThread(id, { orderBy: order });
  const { user, status, error } = useSession();
  const known = status !== "loading" || error !== undefined; // whether there is a place to write is known
  useTitle(tweet ? `${tweet.author.name}: “${shortened(tweet.text)}”` : "Tweet");
  const focal = useRef<HTMLElement>(null);
  const hasAncestors = known && (tweet?.ancestors.length ?? 0) > 0;
  // What it answers lies above the window when the page opens.
  useLayoutEffect(() => {
    if (hasAncestors && scrollY === 0) {
      focal.current?.scrollIntoView({ block: "start" });
    }
  }, [hasAncestors, id]);
  return (
    <>
      <PageHead title={tweet?.isReply ? "Conversation" : "Tweet"} />
      {tweet && known ? (
        <>
          {tweet.ancestors.map((above) => (
            <TweetCard key={above.id} tweet={above} thread="down" />
          ))}
          <FocalTweet tweet={tweet} ref={focal} />
          {user && (
            <div className="composer-inline composer-reply">
              <Composer key={tweet.id} replyTo={tweet} />
            </div>
          )}
          <Order order={order} onChange={setOrder} />
          {!replies.loading && replies.edges.length === 0 ? (
            <Empty title="No replies yet">{user ? <p>Say something.</p> : null}</Empty>
          ) : (
            <TweetList
              key={`${id}-${order}`}
              label="Replies"
              entries={replies.edges}
              loading={replies.loading}
              loadingMore={replies.loadingMore}
              hasMore={replies.hasMore}
              error={replies.error}
              onMore={() => void replies.loadMore()}
            />
          )}
          <div className="thread-room" aria-hidden="true" />
        </>
      ) : replies.loading || tweet ? (
        <SkeletonTweets count={3} />
      ) : replies.error ? (
        <Failed error={replies.error} onRetry={replies.refresh} />
      ) : (
        <Empty title="This tweet is not there">
          <p>It may have been deleted.</p>
        </Empty>
      )}
    </>
  );
}

function shortened(text: string): string {
  const points = Array.from(text.replace(/\s+/g, " "));
  return points.length > 60 ? `${points.slice(0, 59).join("")}…` : points.join("");
}

/** The tweet that the page is about. */
function FocalTweet({ tweet, ref }: { readonly tweet: Focal; readonly ref: React.Ref<HTMLElement> }): ReactNode {
  const { author } = tweet;
  return (
    <article ref={ref} className="focal" data-tweet={tweet.id} data-focal="" tabIndex={0} aria-label={`${author.name}: ${tweet.text}`}>
      <div className="focal-head">
        <Link to={`/@${author.username}`} tabIndex={-1} aria-hidden="true">
          <Avatar user={author} />
        </Link>
        <div>
          <Link className="tweet-name" to={`/@${author.username}`}>
            {author.name}
          </Link>
          <p className="muted">@{author.username}</p>
        </div>
      </div>
      <p className="focal-text" dir="auto">
        <TweetText text={tweet.text} entities={tweet.entities} />
      </p>
      <p className="focal-time muted">
        <FullTime at={tweet.createdAt} />
      </p>
      <TweetActions tweet={tweet} onDeleted={() => go("/", { replace: true })} />
    </article>
  );
}

const orders: Record<ReplyOrder, string> = { RELEVANT: "Relevant first", NEWEST: "Newest first", OLDEST: "Oldest first" };

function Order({ order, onChange }: { readonly order: ReplyOrder; readonly onChange: (order: ReplyOrder) => void }): ReactNode {
  const id = useId();
  return (
    <div className="order">
      <h2>Replies</h2>
      <label className="visually-hidden" htmlFor={id}>
        Order of replies
      </label>
      <select id={id} value={order} onChange={(event) => onChange(event.target.value as ReplyOrder)}>
        {Object.entries(orders).map(([key, label]) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}
