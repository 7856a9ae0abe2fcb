// Starts GraphiQL: signs the visitor of a demo in, puts ids that exist into the examples, runs the first one, and says who is
// signed in for as long as the page is open.
(() => {
  "use strict";
  const settings = JSON.parse(document.getElementById("settings").textContent);
  const patience = 5000; // milliseconds for what comes before the page; it starts without it
  const mostEvents = 100; // events of a subscription that are shown
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

  /** The name of whoever this browser is signed in as. */
  async function visitor() {
    return (await ask("{ viewer { user { username } } }")).viewer?.user?.username;
  }

  let announced; // the name in the notice; undefined before the first one

  function announce(name) {
    if (announced === (name ?? null)) return; // it may have been hidden
    announced = name ?? null;
    if (name && settings.demo?.username === name) {
      say(`This browser is signed in as @${name}, an account of the demo.`);
    } else if (name) {
      say(`This browser is signed in as @${name}.`);
    } else if (settings.demo) {
      say("This browser is signed out of the demo.", `Sign in as @${settings.demo.username}`, async () => {
        await signIn();
        location.reload();
      });
    } else {
      say("Nobody is signed in on this browser: run SignUp or LogIn to begin.");
    }
  }

  // Whatever was run may have signed somebody in or out.
  function announceAgain() {
    visitor().then(announce, () => { /* the notice stays as it is until the server answers */ });
  }

  // Ids for the examples; without a session, or a schema that is another, they stay to be filled in.
  async function found() {
    const { viewer } = await ask(`{
      viewer {
        homeTimeline(first: 3) { nodes { id } }
        user { following(first: 5) { nodes { id followers(first: 20) { nodes { id isViewer viewerIsFollowing } } } } }
      }
    }`);
    const followed = viewer?.user?.following?.nodes ?? [];
    const stranger = followed.flatMap((user) => user.followers.nodes).find((user) => !user.isViewer && !user.viewerIsFollowing);
    return { tweets: (viewer?.homeTimeline?.nodes ?? []).map((tweet) => tweet.id), user: stranger?.id ?? followed[0]?.id };
  }

  function examples({ tweets = [], user } = {}) {
    const values = {
      TWEET: tweets[0] ?? "an id from HomeTimeline",
      TWEETS: tweets.length > 0 ? tweets : ["ids from HomeTimeline"],
      USER: user ?? "the id of a user",
    };
    return settings.examples.map(({ query, variables }) => ({
      query,
      variables: variables && JSON.stringify(variables, (_, value) => values[value?.fill] ?? value, 2),
    }));
  }

  // GraphiQL takes note of an operation's name and kind a moment after its text: whoever changes the tab and presses play at
  // once would run the operation of the tab before. So they are read from the text.
  function operationsOf(text) {
    const code = text.replace(/"""[^]*?"""|"(?:\\.|[^"\\\n])*"|#.*/g, " ");
    return [...code.matchAll(/\b(query|mutation|subscription)\b\s*(\w*)\s*(?=[({@])/g)].map(([, operation, name]) => ({ operation, name }));
  }

  /** Events as a list, newest first, each with the time when it came; the list stays when the subscription ends. */
  function listed(source) {
    const events = source[Symbol.asyncIterator]();
    const now = () => new Date().toISOString().slice(11); // in UTC, as the API has it
    const shown = { listeningSince: now(), received: 0, events: [] };
    let begun = false;
    let ended = false;
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        if (ended) return { done: true, value: undefined };
        if (!begun) {
          begun = true;
          return { done: false, value: shown };
        }
        try {
          const { done, value } = await events.next();
          if (done) {
            ended = true;
            shown.endedAt = now();
          } else {
            shown.received++;
            shown.events = [{ at: now(), ...value }, ...shown.events].slice(0, mostEvents);
          }
        } catch (reason) {
          ended = true;
          shown.endedAt = now();
          shown.because = Array.isArray(reason) ? reason : reason?.reason || reason?.message || String(reason);
          announceAgain(); // the session may be over
        }
        return { done: false, value: { ...shown } };
      },
      async return() {
        ended = true;
        await events.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  function newFetcher() {
    const socket = new URL(settings.endpoint, location.href);
    socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
    const fetcher = GraphiQL.createFetcher({ url: settings.endpoint, subscriptionUrl: socket.href });
    return async (params, options) => {
      const operations = operationsOf(params.query);
      const chosen = operations.find(({ name }) => name === params.operationName) ?? operations[0];
      const documentAST = {
        kind: "Document",
        definitions: operations.map(({ operation, name }) => ({
          kind: "OperationDefinition", operation, name: name ? { kind: "Name", value: name } : undefined,
        })),
      };
      const result = await fetcher(
        chosen ? { ...params, operationName: chosen.name || undefined } : params,
        chosen ? { ...options, documentAST } : options,
      );
      if (chosen?.operation === "subscription") {
        return listed(result);
      }
      if (chosen?.operation !== "mutation") {
        return result;
      }
      return (async function* () {
        yield* result[Symbol.asyncIterator] ? result : [result];
        announceAgain();
      })();
    };
  }

  function render(tabs) {
    ReactDOM.createRoot(document.getElementById("graphiql")).render(React.createElement(GraphiQL, {
      fetcher: newFetcher(),
      defaultTabs: tabs,
      defaultEditorToolsVisibility: matchMedia("(min-width: 721px)").matches,
      isHeadersEditorEnabled: true,
      inputValueDeprecation: true,
      schemaDescription: true,
      plugins: [GraphiQLPluginExplorer.explorerPlugin()],
    }));
  }

  // The first example, which reads, runs by itself when it is in front.
  function runFirst() {
    const started = Date.now();
    const timer = setInterval(() => {
      const button = document.querySelector(".graphiql-execute-button");
      const editor = document.querySelector(".graphiql-query-editor .CodeMirror")?.CodeMirror;
      if (button && editor) {
        clearInterval(timer);
        if (editor.getValue() === settings.examples[0].query) {
          button.click();
        }
      } else if (Date.now() - started > patience) {
        clearInterval(timer);
      }
    }, 50);
  }

  async function start() {
    let name;
    let ids;
    try {
      name = await visitor();
      if (!name && settings.demo && !wasHere()) {
        name = await signIn();
      }
      announce(name);
      ids = name && await found();
    } catch (error) {
      if (settings.demo) {
        say(`Signing in to the demo did not work: ${error.message}.`, "Try again", () => location.reload());
      }
    }
    render(examples(ids));
    if (name) {
      runFirst();
    }
  }

  start();
})();
