import type { TweetCardFragment } from "@roost/client";
import { DeleteTweet } from "@roost/client";
import { useReaction, useRetweet, useRoost, useSession } from "@roost/client/react";
import { useState, type ReactNode } from "react";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { counted, short } from "../ui/number.ts";
import { say, sayError } from "../ui/toast.tsx";
import { compose } from "./compose.tsx";
import { go } from "../navigation.ts";

/** What one can do with a tweet: reply, retweet, like, dislike, delete. */
export function TweetActions({ tweet, onDeleted }: { readonly tweet: TweetCardFragment; readonly onDeleted?: (() => void) | undefined }): ReactNode {
  const { status } = useSession();
  const reaction = useReaction(tweet);
  const retweet = useRetweet(tweet);
  const [asking, setAsking] = useState(false);
  const signedIn = status === "signedIn";
  const guarded = (act: () => void) => (): void => {
    if (signedIn) {
      act();
    } else {
      say("Log in to take part.", { to: "/login", label: "Log in" });
    }
  };
  const liked = reaction.viewerReaction === "LIKE";
  const disliked = reaction.viewerReaction === "DISLIKE";
  return (
    <div className="actions" role="group" aria-label="Actions">
      <button
        type="button"
        className="action action-reply"
        data-action="reply"
        aria-label={`Reply, ${counted(tweet.replyCount, "reply", "replies")}`}
        onClick={guarded(() => compose({ replyTo: tweet }))}
      >
        <Icon name="reply" />
        <Count value={tweet.replyCount} />
      </button>
      <button
        type="button"
        className="action action-retweet"
        data-action="retweet"
        aria-pressed={retweet.retweeted}
        aria-label={`Retweet, ${counted(retweet.count, "retweet", "retweets")}`}
        onClick={guarded(() => void retweet.set(!retweet.retweeted).catch(sayError))}
      >
        <Icon name="retweet" />
        <Count value={retweet.count} />
      </button>
      <button
        type="button"
        className="action action-like"
        data-action="like"
        aria-pressed={liked}
        aria-label={`Like, ${counted(reaction.likeCount, "like", "likes")}`}
        onClick={guarded(() => void reaction.set(liked ? "NONE" : "LIKE").catch(sayError))}
      >
        <Icon name="heart" filled={liked} />
        <Count value={reaction.likeCount} />
      </button>
      <button
        type="button"
        className="action action-dislike"
        data-action="dislike"
        aria-pressed={disliked}
        aria-label={`Dislike, ${counted(reaction.dislikeCount, "dislike", "dislikes")}`}
        onClick={guarded(() => void reaction.set(disliked ? "NONE" : "DISLIKE").catch(sayError))}
      >
        <Icon name="down" filled={disliked} />
        <Count value={reaction.dislikeCount} />
      </button>
      {tweet.viewerCanDelete && (
        <button type="button" className="action action-delete" aria-label="Delete" onClick={() => setAsking(true)}>
          <Icon name="trash" />
        </button>
      )}
      {asking && <DeleteDialog tweet={tweet} onClose={() => setAsking(false)} onDeleted={onDeleted} />}
    </div>
  );
}

/** A count that takes its place from the start, so nothing moves when it changes. */
function Count({ value }: { readonly value: number }): ReactNode {
  return (
    <span className="count" aria-hidden="true">
      {value > 0 ? short(value) : ""}
    </span>
  );
}

interface DeleteDialogProps {
  readonly tweet: TweetCardFragment;
  readonly onClose: () => void;
  readonly onDeleted?: (() => void) | undefined;
}

function DeleteDialog({ tweet, onClose, onDeleted }: DeleteDialogProps): ReactNode {
  const roost = useRoost();
  const [busy, setBusy] = useState(false);
  const remove = async (): Promise<void> => {
    setBusy(true);
    try {
      const result = await roost.act(DeleteTweet, { input: { tweetId: tweet.id } });
      if (!result.ok) {
        throw new Error(result.userErrors[0]?.message ?? "It could not be deleted.");
      }
      onClose();
      if (onDeleted) {
        onDeleted();
      } else if (location.pathname === `/tweets/${tweet.id}`) {
        go("/", { replace: true });
      }
      const { cache } = roost.apollo;
      cache.evict({ id: cache.identify({ __typename: "Tweet", id: tweet.id }) ?? "" });
      cache.gc();
      say("Deleted.");
    } catch (error) {
      setBusy(false);
      sayError(error);
    }
  };
  return (
    <Dialog title="Delete this tweet?" onClose={onClose}>
      <p className="dialog-text">It leaves all timelines, and cannot be brought back.</p>
      <div className="dialog-foot">
        <button type="button" className="button button-plain" onClick={onClose}>
          Keep it
        </button>
        <button type="button" className="button button-danger" disabled={busy} onClick={() => void remove()}>
          Delete
        </button>
      </div>
    </Dialog>
  );
}
