import type { Roost } from "./roost.js";
import { SetReaction, type ReactionKind, type TweetReactionsFragment } from "./generated/operations.js";

/** The counts of a tweet, and the viewer's own reaction. */
export type Reactions = TweetReactionsFragment["reactions"];

/**
 * Reactions that are on their way. One request a tweet runs at a time, so a slow answer never undoes a later press; when
 * somebody presses again meanwhile, only the last wish is sent.
 */
export class ReactionWrites {
  readonly #roost: Roost;
  readonly #wanted = new Map<string, ReactionKind>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #listeners = new Set<() => void>();

  constructor(roost: Roost) {
    this.#roost = roost;
  }

  /** Calls the listener whenever a wish has come or gone, until the returned function is called. */
  readonly onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** What the viewer wants of a tweet that the server has not confirmed; undefined if that is nothing. */
  wanted(subjectId: string): ReactionKind | undefined {
    return this.#wanted.get(subjectId);
  }

  /** Sets the viewer's reaction. Rejects if the server refused the last wish, or could not be reached. */
  set(subjectId: string, reaction: ReactionKind): Promise<void> {
    this.#wanted.set(subjectId, reaction);
    this.#changed();
    let running = this.#running.get(subjectId);
    if (!running) {
      running = this.#run(subjectId).finally(() => this.#running.delete(subjectId));
      this.#running.set(subjectId, running);
    }
    return running;
  }

  async #run(subjectId: string): Promise<void> {
    try {
      for (;;) {
        const reaction = this.#wanted.get(subjectId);
        if (reaction === undefined) {
          return;
        }
        const result = await this.#roost.act(SetReaction, { input: { subjectId, reaction } });
        if (this.#wanted.get(subjectId) !== reaction) {
          continue; // pressed again meanwhile
        }
        if (!result.ok) {
          throw new Error(result.userErrors.map(({ message }) => message).join("; "));
        }
        return;
      }
    } finally {
      this.#wanted.delete(subjectId);
      this.#changed();
    }
  }

  #changed(): void {
    [...this.#listeners].forEach((listener) => listener());
  }
}

/** The reactions as they will be when the server has what the viewer wants. */
export function withReaction(reactions: Reactions, wanted: ReactionKind | undefined): Reactions {
  if (wanted === undefined || wanted === reactions.viewerReaction) {
    return reactions;
  }
  const change = (kind: ReactionKind): number => Number(wanted === kind) - Number(reactions.viewerReaction === kind);
  return {
    ...reactions,
    likeCount: Math.max(0, reactions.likeCount + change("LIKE")),
    dislikeCount: Math.max(0, reactions.dislikeCount + change("DISLIKE")),
    viewerReaction: wanted,
  };
}
