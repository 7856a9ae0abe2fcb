import { connect, CreateTweet, type Roost, type TimelineView } from "@roost/client";

/** Signs in, shows the home timeline for as long as the client is open, and posts. */
export async function open(
  url: string,
  login: string,
  password: string,
  render: (view: TimelineView) => void,
  webSocket?: unknown, // only where there is none, as in Node 20
): Promise<Roost> {
  const roost = connect({ url, auth: "key", webSocket }); // in a browser: connect({ url }), with a cookie
  const entered = await roost.logIn({ login, password });
  if (!entered.ok) {
    throw new Error(entered.userErrors.map(({ message }) => message).join("; "));
  }
  roost.homeTimeline({ onChange: render }); // continues by itself after lost connections
  await roost.act(CreateTweet, { input: { text: "Hello from Apollo" } }); // comes in on top by itself
  return roost;
}
