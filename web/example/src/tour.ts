import {
  codeOf,
  connect,
  CreateTweet,
  DeleteTweet,
  done,
  Me,
  SetReaction,
  type TimelineView,
} from "@roost/client";
import WebSocket from "ws";

/** Goes through what a frontend does: signs up, tweets, pages the home timeline, likes, and watches. */
export async function tour(url: string, say: (line: string) => void): Promise<void> {
  const roost = connect({ url, auth: "key", webSocket: WebSocket });
  try {
    const username = `tour_${Date.now().toString(36)}`;
    const account = { username, email: `${username}@example.com`, password: "correct horse battery" };
    say(`signed up as @${done(await roost.signUp(account)).viewer.user.username}`);

    const taken = await connect({ url, auth: "key", webSocket: WebSocket }).signUp(account);
    if (!taken.ok) {
      say(`a second time: ${taken.userErrors.map(({ code, path }) => `${path.join(".")} is ${code}`).join(", ")}`);
    }

    for (let i = 1; i <= 5; i++) {
      done(await roost.act(CreateTweet, { input: { text: `Tweet ${i} of the tour` } }));
    }
    let view: TimelineView = { entries: [], hasNextPage: true };
    const changes = new Changes();
    const timeline = roost.homeTimeline({
      first: 2,
      onChange: (now) => {
        view = now;
        changes.tell();
      },
    });
    await changes.until(() => view.entries.length === 2);
    while (await timeline.more()) {
      // as somebody who scrolls
    }
    await changes.until(() => !view.hasNextPage);
    say(`paged through ${view.entries.length} tweets, from ${JSON.stringify(view.entries.at(-1)?.node.text)}`);

    const tweet = done(await roost.act(CreateTweet, { input: { text: "Live from the tour" } })).tweet;
    await changes.until(() => view.entries[0]?.node.id === tweet.id);
    say(`${JSON.stringify(view.entries[0]?.node.text)} came in on top`);

    roost.liveReactions([tweet.id]);
    done(await roost.act(SetReaction, { input: { subjectId: tweet.id, reaction: "LIKE" } }));
    await changes.until(() => view.entries[0]?.node.reactions.likeCount === 1);
    say(`liked: ${view.entries[0]?.node.reactions.viewerReaction}`);

    done(await roost.act(DeleteTweet, { input: { tweetId: tweet.id } }));
    await changes.until(() => view.entries.every(({ node }) => node.id !== tweet.id));
    say("deleted, and gone from the timeline");

    timeline.close();
    const key = roost.key;
    done(await roost.logOut());
    const stale = connect({ url, auth: "key", key, webSocket: WebSocket });
    say(`with the old key: ${await stale.query(Me).then(() => "still in?", codeOf)}`);
  } finally {
    roost.close();
  }
}

/** Lets a script wait for a change of the timeline. */
class Changes {
  #waiting: (() => void)[] = [];

  tell(): void {
    this.#waiting.splice(0).forEach((go) => go());
  }

  async until(check: () => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(15_000);
    while (!check()) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        deadline.addEventListener("abort", () => reject(new Error("no such change came")), { once: true });
      });
    }
  }
}
