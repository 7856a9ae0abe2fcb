// What a React project does with the client's hooks. ?api=URL says where Roost is. The README shows feed.tsx.
import { connect } from "@roost/client";
import { RoostProvider, useConnectionState, useSession } from "@roost/client/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Feed } from "./feed";

const roost = connect({ url: new URLSearchParams(location.search).get("api") ?? "http://localhost:8080" });

function Account() {
  const { user, signUp, logIn, logOut } = useSession(); // follows whoever signs in
  const enter = (form: FormData) => {
    const username = String(form.get("username"));
    const password = String(form.get("password"));
    return form.get("way") === "signUp"
      ? signUp({ username, password, email: `${username}@example.com` })
      : logIn({ login: username, password });
  };
  return (
    <form action={async (form) => void (await enter(form))}>
      <p role="status">{user === undefined ? "Nobody is signed in" : `Signed in as @${user.username}`}</p>
      <label>Username <input name="username" /></label>
      <label>Password <input name="password" type="password" /></label>
      <button name="way" value="signUp">Make an account</button>
      <button name="way" value="logIn">Sign in</button>
      <button type="button" onClick={() => void logOut()}>Sign out</button>
    </form>
  );
}

function Connection() {
  return <p id="connection">{useConnectionState()}</p>;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <RoostProvider roost={roost}>
      <Account />
      <Connection />
      <Feed />
    </RoostProvider>
  </StrictMode>,
);
