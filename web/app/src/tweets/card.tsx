import type { TimelineEntryFragment, TweetCardFragment, TweetEntitiesFragment } from "@roost/client";
import { useTweet } from "@roost/client/react";
import { memo, type MouseEvent, type KeyboardEvent, type ReactNode } from "react";
import { go } from "../navigation.ts";
import { Avatar } from "../ui/avatar.tsx";
import { Icon } from "../ui/icon.tsx";
import { Link } from "../ui/link.tsx";
import { TweetText } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";
import { TweetActions } from "./actions.tsx";

interface CardProps {
  readonly tweet: TweetCardFragment & Partial<TweetEntitiesFragment>;
  readonly retweet?: TimelineEntryFragment["retweet"] | undefined;
  /** Whether a line leads down to the tweet below, which answers this one. */
  readonly thread?: "down" | undefined;
}

/** A tweet in a list. A click beside its links opens its page. */
export const TweetCard = memo(function TweetCard({ tweet: read, retweet, thread }: CardProps): ReactNode {
  const tweet = useTweet(read);
  const { author, inReplyTo } = tweet;
  const page = `/tweets/${tweet.id}`;
  const open = (event: MouseEvent | KeyboardEvent): void => {
    const at = event.target as HTMLElement;
    if (!at.closest("a, button, dialog, input, textarea") && !getSelection()?.toString()) {
      go(page);
    }
  };
  return (
    <article
      className={thread ? `tweet tweet-${thread}` : "tweet"}
      data-tweet={tweet.id}
      tabIndex={0}
      aria-label={`${author.name}: ${tweet.text}`}
      onClick={open}
      onKeyDown={(event) => event.key === "Enter" && event.target === event.currentTarget && open(event)}
    >
      {retweet && (
        <p className="tweet-why">
          <Icon name="retweet" />
          <span>
            <Link to={`/@${retweet.user.username}`}>{retweet.user.name}</Link> retweeted
          </span>
        </p>
      )}
      <Link className="tweet-face" to={`/@${author.username}`} tabIndex={-1} aria-hidden="true">
        <Avatar user={author} />
      </Link>
      <div className="tweet-main">
        <p className="tweet-head">
          <Link className="tweet-name" to={`/@${author.username}`}>
            {author.name}
          </Link>
          <span className="tweet-handle">@{author.username}</span>
          <span className="tweet-dot" aria-hidden="true">
            ·
          </span>
          <Link className="tweet-time" to={page}>
            <Ago at={tweet.createdAt} />
          </Link>
        </p>
        {tweet.isReply && !thread && (
          <p className="tweet-reply">
            {inReplyTo ? (
              <>
                Replying to <Link to={`/@${inReplyTo.author.username}`}>@{inReplyTo.author.username}</Link>
              </>
            ) : (
              "Replying to a tweet that is gone"
            )}
          </p>
        )}
        <p className="tweet-text" dir="auto">
          <TweetText text={tweet.text} entities={tweet.entities} />
        </p>
        <TweetActions tweet={tweet} />
      </div>
    </article>
  );
});
