import type { TweetCardFragment } from "@roost/client";
import { DeleteTweet } from "@roost/client";
import { useReaction, useRetweet, useRoost, useSession } from "@roost/client/react";
import { useState, type ReactNode } from "react";
import { Dialog } from "../ui/dialog.tsx";
import { Icon, type IconName } from "../ui/icon.tsx";
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
      <Action
        kind="reply"
        icon="reply"
        label={`Reply, ${counted(tweet.replyCount, "reply", "replies")}`}
        count={tweet.replyCount}
        onPress={guarded(() => compose({ replyTo: tweet }))}
      />
      <Action
        kind="retweet"
        icon="retweet"
        label={`Retweet, ${counted(retweet.count, "retweet", "retweets")}`}
        count={retweet.count}
        pressed={retweet.retweeted}
        onPress={guarded(() => void retweet.set(!retweet.retweeted).catch(sayError))}
      />
      <Action
        kind="like"
        icon="heart"
        label={`Like, ${counted(reaction.likeCount, "like", "likes")}`}
        count={reaction.likeCount}
        pressed={liked}
        filled={liked}
        onPress={guarded(() => void reaction.set(liked ? "NONE" : "LIKE").catch(sayError))}
      />
      <Action
        kind="dislike"
        icon="down"
        label={`Dislike, ${counted(reaction.dislikeCount, "dislike", "dislikes")}`}
        count={reaction.dislikeCount}
        pressed={disliked}
        filled={disliked}
        onPress={guarded(() => void reaction.set(disliked ? "NONE" : "DISLIKE").catch(sayError))}
      />
      {tweet.viewerCanDelete && (
        <button type="button" className="action action-delete" aria-label="Delete" onClick={() => setAsking(true)}>
          <Icon name="trash" />
        </button>
      )}
      {asking && <DeleteDialog tweet={tweet} onClose={() => setAsking(false)} onDeleted={onDeleted} />}
    </div>
  );
}

interface ActionProps {
  readonly kind: "reply" | "retweet" | "like" | "dislike";
  readonly icon: IconName;
  readonly label: string;
  readonly count: number;
  /** Whether the viewer has done it; absent if it is done anew each time. */
  readonly pressed?: boolean;
  readonly filled?: boolean;
  readonly onPress: () => void;
}

/** A button under a tweet. Its count takes its place from the start, so nothing moves when it changes. */
function Action({ kind, icon, label, count, pressed, filled = false, onPress }: ActionProps): ReactNode {
  return (
    <button type="button" className={`action action-${kind}`} data-action={kind} aria-pressed={pressed} aria-label={label} onClick={onPress}>
      <Icon name={icon} filled={filled} />
      <span className="count" aria-hidden="true">
        {count > 0 ? short(count) : ""}
      </span>
    </button>
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
