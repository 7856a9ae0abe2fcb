import { Limits, type TweetCardFragment } from "@roost/client";
import { usePost, useSession } from "@roost/client/react";
import { useQuery } from "@apollo/client/react";
import { useEffect, useId, useRef, useState, useSyncExternalStore, type FormEvent, type KeyboardEvent, type ReactNode } from "react";
import { Avatar } from "../ui/avatar.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { say, sayError } from "../ui/toast.tsx";
import { TweetText } from "../ui/text.tsx";

/** What is composed: a tweet, or an answer. */
interface Draft {
  readonly replyTo?: TweetCardFragment;
  readonly text?: string;
}

let draft: Draft | undefined;
const listeners = new Set<() => void>();

/** Opens the dialog in which a tweet is written, or closes it. */
export function compose(next: Draft | undefined): void {
  draft = next;
  listeners.forEach((listener) => listener());
}

/** The dialog in which a tweet is written, when it is open. */
export function ComposeDialog(): ReactNode {
  const current = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => draft,
  );
  if (!current) {
    return null;
  }
  const { replyTo, text } = current;
  return (
    <Dialog title={replyTo ? `Reply to @${replyTo.author.username}` : "New tweet"} onClose={() => compose(undefined)} className="dialog-compose">
      {replyTo && (
        <blockquote className="compose-quote">
          <b>{replyTo.author.name}</b> <span className="muted">@{replyTo.author.username}</span>
          <p>
            <TweetText text={replyTo.text} />
          </p>
        </blockquote>
      )}
      <Composer replyTo={replyTo} text={text} autoFocus onPosted={() => compose(undefined)} />
    </Dialog>
  );
}

const usualLength = 280; // code points, until the server has said what it allows

interface ComposerProps {
  readonly replyTo?: TweetCardFragment | undefined;
  readonly text?: string | undefined;
  readonly autoFocus?: boolean;
  readonly onPosted?: (() => void) | undefined;
}

/** Where a tweet is written. Ctrl-Enter posts it. */
export function Composer({ replyTo, text: initial = "", autoFocus = false, onPosted }: ComposerProps): ReactNode {
  const { user } = useSession();
  const { data } = useQuery(Limits, { fetchPolicy: "cache-first" });
  const most = data?.limits.tweetLength ?? usualLength;
  const post = usePost();
  const [text, setText] = useState(initial);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<string | undefined>(undefined);
  const area = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  const length = Array.from(text).length;
  const ready = text.trim() !== "" && length <= most && !busy;

  useEffect(() => {
    if (autoFocus) {
      area.current?.focus();
      area.current?.setSelectionRange(initial.length, initial.length);
    }
  }, [autoFocus, initial, user?.id]);
  useEffect(() => {
    const box = area.current;
    if (box) {
      box.style.height = "auto";
      box.style.height = `${box.scrollHeight}px`;
    }
  }, [text]);

  const send = async (event?: FormEvent): Promise<void> => {
    event?.preventDefault();
    if (!ready) {
      return;
    }
    setBusy(true);
    setRefused(undefined);
    try {
      const result = await post(text, replyTo?.id);
      if (result.ok) {
        const { id: posted } = result.value.tweet;
        setText((now) => (now === text ? "" : now)); // somebody may have typed on
        onPosted?.();
        say(replyTo ? "Your reply is there." : "Your tweet is there.", { to: `/tweets/${posted}`, label: "View" });
      } else {
        setRefused(result.userErrors.map(({ message }) => message).join("; "));
      }
    } catch (error) {
      sayError(error); // the text stays, and the same key is used when it is sent again
    } finally {
      setBusy(false);
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      void send(event);
    }
  };
  if (!user) {
    return null;
  }
  return (
    <form className="composer" onSubmit={(event) => void send(event)}>
      <Avatar user={user} />
      <div className="composer-main">
        <label className="visually-hidden" htmlFor={id}>
          {replyTo ? "Your reply" : "What happens?"}
        </label>
        <textarea
          ref={area}
          id={id}
          rows={1}
          value={text}
          placeholder={replyTo ? "Your reply" : "What happens?"}
          aria-describedby={`${id}-count`}
          onChange={(event) => {
            setText(event.target.value);
            setRefused(undefined);
          }}
          onKeyDown={onKeyDown}
        />
        {refused && (
          <p className="field-error" role="alert">
            {refused}
          </p>
        )}
        <div className="composer-foot">
          <Ring length={length} most={most} />
          <span id={`${id}-count`} className={length > most ? "composer-count over" : "composer-count"}>
            <span className="visually-hidden">Characters left: </span>
            {most - length}
          </span>
          <button type="submit" className="button" disabled={!ready}>
            {replyTo ? "Reply" : "Tweet"}
          </button>
        </div>
      </div>
    </form>
  );
}

/** How full the tweet is. */
function Ring({ length, most }: { readonly length: number; readonly most: number }): ReactNode {
  const around = 2 * Math.PI * 9;
  const part = Math.min(1, length / most);
  return (
    <svg className={length > most ? "ring over" : length > most - 20 ? "ring near" : "ring"} viewBox="0 0 24 24" aria-hidden="true">
      <circle className="ring-ground" cx="12" cy="12" r="9" />
      <circle className="ring-part" cx="12" cy="12" r="9" strokeDasharray={`${part * around} ${around}`} transform="rotate(-90 12 12)" />
    </svg>
  );
}
