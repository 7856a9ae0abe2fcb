// What a React project does with the client: hooks of Apollo Client on `roost.apollo`, and Roost's own sign-in and live
// timeline beside them. ?api=URL says where Roost is.
import { ApolloProvider, useMutation, useQuery } from "@apollo/client/react";
import { connect, CreateTweet, Me, type TimelineView } from "@roost/client";
import { StrictMode, useEffect, useState, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";

const roost = connect({ url: new URLSearchParams(location.search).get("api") ?? "http://localhost:8080" });

function Account() {
  const { data } = useQuery(Me); // mounted all the time: it follows whoever signs in
  const name = data?.viewer?.user.username;
  const enter = (form: FormData) => {
    const username = String(form.get("username"));
    const password = String(form.get("password"));
    return form.get("way") === "signUp"
      ? roost.signUp({ username, password, email: `${username}@example.com` })
      : roost.logIn({ login: username, password });
  };
  return (
    <form action={async (form) => void (await enter(form))}>
      <p role="status">{name === undefined ? "Nobody is signed in" : `Signed in as @${name}`}</p>
      <label>Username <input name="username" /></label>
      <label>Password <input name="password" type="password" /></label>
      <button name="way" value="signUp">Make an account</button>
      <button name="way" value="logIn">Sign in</button>
      <button type="button" onClick={() => void roost.logOut()}>Sign out</button>
    </form>
  );
}

function Timeline() {
  const [view, setView] = useState<TimelineView>({ entries: [], hasNextPage: false });
  const [createTweet] = useMutation(CreateTweet);
  const connection = useSyncExternalStore(roost.onConnection, () => roost.connection);
  useEffect(() => {
    const timeline = roost.homeTimeline({ onChange: setView });
    return () => timeline.close();
  }, []);
  return (
    <section>
      <p id="connection">{connection}</p>
      <form action={async (form) => void (await createTweet({ variables: { input: { text: String(form.get("text")) } } }))}>
        <label>What happens? <input name="text" /></label>
        <button>Tweet</button>
      </form>
      <ol>{view.entries.map(({ node }) => <li key={node.id}>{node.text}</li>)}</ol>
    </section>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <ApolloProvider client={roost.apollo}>
      <Account />
      <Timeline />
    </ApolloProvider>
  </StrictMode>,
);
