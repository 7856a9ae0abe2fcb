// Starts GraphiQL: signs the visitor of a demo in, puts ids that exist into the examples, and renders.
(() => {
  "use strict";
  const settings = JSON.parse(document.getElementById("settings").textContent);
  const patience = 5000; // milliseconds for what comes before the page; it starts without it
  const signedInHere = "roost:demo";

  async function ask(query, variables) {
    const response = await fetch(settings.endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept": "application/graphql-response+json" },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(patience),
    });
    return (await response.json()).data ?? {};
  }

  function say(text, action, act) {
    const notice = document.getElementById("notice");
    const words = document.createElement("span");
    words.textContent = text;
    notice.replaceChildren(words);
    for (const [label, run] of [[action, act], ["Hide", () => { notice.hidden = true; }]]) {
      if (!label) continue;
      const button = document.createElement("button");
      button.textContent = label;
      button.addEventListener("click", run);
      notice.append(button);
    }
    notice.hidden = false;
  }

  // A sign-in that the page made is remembered for this tab, so that who signs out stays signed out.
  function remember() {
    try {
      sessionStorage.setItem(signedInHere, settings.demo.username);
    } catch { /* a browser that keeps nothing signs in again */ }
  }

  function wasHere() {
    try {
      return sessionStorage.getItem(signedInHere) !== null;
    } catch {
      return false;
    }
  }

  async function signIn() {
    const { username, password } = settings.demo;
    const { logIn } = await ask(
      `mutation SignIn($input: LogInInput!) {
        logIn(input: $input) { viewer { user { username } } userErrors { message } }
      }`,
      { input: { login: username, password, tokenDelivery: "COOKIE", device: { name: "Playground" } } },
    );
    const name = logIn?.viewer?.user?.username;
    if (!name) {
      throw new Error(logIn?.userErrors?.[0]?.message ?? "the server did not answer");
    }
    remember();
    return name;
  }

  async function visitor() {
    const { viewer } = await ask("{ viewer { user { username } } }");
    const name = viewer?.user?.username;
    if (name || !settings.demo) {
      return name;
    }
    if (!wasHere()) {
      return signIn();
    }
    say(`You are signed out of the demo.`, `Sign in as @${settings.demo.username}`, async () => {
      await signIn();
      location.reload();
    });
    return undefined;
  }

  // Ids for the examples; without a session, or a schema that is another, they stay to be filled in.
  async function someTweets() {
    const data = await ask("{ viewer { homeTimeline(first: 3) { nodes { id } } } }");
    return (data.viewer?.homeTimeline?.nodes ?? []).map((tweet) => tweet.id);
  }

  function examples(tweets) {
    const values = { TWEET: tweets[0] ?? "an id from HomeTimeline", TWEETS: tweets.length > 0 ? tweets : ["ids from HomeTimeline"] };
    return settings.examples.map(({ query, variables }) => ({
      query,
      variables: variables && JSON.stringify(variables, (_, value) => values[value?.fill] ?? value, 2),
    }));
  }

  function render(tabs) {
    const socket = new URL(settings.endpoint, location.href);
    socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
    const fetcher = GraphiQL.createFetcher({ url: settings.endpoint, subscriptionUrl: socket.href });
    ReactDOM.createRoot(document.getElementById("graphiql")).render(React.createElement(GraphiQL, {
      fetcher,
      defaultTabs: tabs,
      defaultEditorToolsVisibility: true,
      isHeadersEditorEnabled: true,
      inputValueDeprecation: true,
      plugins: [GraphiQLPluginExplorer.explorerPlugin()],
    }));
  }

  async function start() {
    let tweets = [];
    try {
      const name = await visitor();
      if (name) {
        say(settings.demo?.username === name
          ? `Signed in as @${name}, an account of this demo. Run an example, or log in as somebody else.`
          : `Signed in as @${name}.`);
        tweets = await someTweets();
      }
    } catch (error) {
      if (settings.demo) {
        say(`Signing in to the demo did not work: ${error.message}.`, "Try again", () => location.reload());
      }
    }
    render(examples(tweets));
  }

  start();
})();
