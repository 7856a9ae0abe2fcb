import { useSession } from "@roost/client/react";
import { useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { Route, Switch, useLocation } from "wouter";
import { device } from "./device.ts";
import { go, useScrollMemory } from "./navigation.ts";
import { Home, useKeptScroll } from "./screens/home.tsx";
import { FollowsPage } from "./screens/follows.tsx";
import { ExplorePage, HashtagPage, MentionsPage, SearchPage } from "./screens/lists.tsx";
import { NotFound } from "./screens/not-found.tsx";
import { ProfilePage } from "./screens/profile.tsx";
import { hasSignedOut, SettingsPage } from "./screens/settings.tsx";
import { LogInPage, SignUpPage } from "./screens/sign.tsx";
import { TweetPage } from "./screens/tweet.tsx";
import { Welcome } from "./screens/welcome.tsx";
import { settings } from "./settings.ts";
import { Boundary } from "./shell/boundary.tsx";
import { Keys } from "./shell/keys.tsx";
import { Navigation } from "./shell/nav.tsx";
import { ConnectionNotice, SessionNotice } from "./shell/notices.tsx";
import { Rail } from "./shell/rail.tsx";
import { compose, ComposeDialog } from "./tweets/compose.tsx";
import { Icon } from "./ui/icon.tsx";
import { SkeletonTweets } from "./ui/states.tsx";
import { Toasts } from "./ui/toast.tsx";

/** The whole app. */
export function App(): ReactNode {
  const { user } = useSession();
  const [path] = useLocation();
  const entering = useDemo();
  const wide = useWide();
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <div className="shell">
        <Navigation />
        <main id="main" className="main" tabIndex={-1}>
          <ConnectionNotice />
          <SessionNotice />
          <Boundary place={path}>{entering ? <SkeletonTweets /> : <Screens />}</Boundary>
        </main>
        {wide && <Rail />}
      </div>
      {user && (
        <button type="button" className="button compose-float" aria-label="New tweet" onClick={() => compose({})}>
          <Icon name="pen" />
        </button>
      )}
      <ComposeDialog />
      <Keys />
      <Toasts />
    </>
  );
}

// A name and what of it: /@ada, /@ada/replies.
const profilePath = /^\/@(?<username>[^/]+)(?:\/(?<view>replies|followers|following))?\/?$/;

/** One of the pages of a user. */
function Profile({ username, view }: { readonly username: string; readonly view: string | undefined }): ReactNode {
  return view === "followers" || view === "following" ? (
    <FollowsPage username={username} side={view} />
  ) : (
    <ProfilePage username={username} view={view === "replies" ? "replies" : "tweets"} />
  );
}

const room = matchMedia("(min-width: 1001px)");

/** Whether there is room beside the page. */
function useWide(): boolean {
  return useSyncExternalStore(
    (listener) => {
      room.addEventListener("change", listener);
      return () => room.removeEventListener("change", listener);
    },
    () => room.matches,
  );
}

/** The page that the address names. */
function Screens(): ReactNode {
  const { status, generation } = useSession();
  const [path] = useLocation();
  const atHome = path === "/";
  const signedOut = status === "signedOut";
  const wasHome = useRef(false);
  wasHome.current ||= atHome;
  useScrollMemory();
  useKeptScroll(atHome && !signedOut);
  return (
    <>
      {!signedOut && wasHome.current && (
        <div hidden={!atHome} key={generation}>
          <Home shown={atHome} />
        </div>
      )}
      <Switch>
        <Route path="/">{signedOut ? <Welcome /> : null}</Route>
        <Route path={profilePath}>{({ username = "", view }) => <Profile username={username} view={view} />}</Route>
        <Route path="/tweets/:id">{({ id }) => <TweetPage key={id} id={id} />}</Route>
        <Route path="/hashtags/:name">{({ name }) => <HashtagPage name={name} />}</Route>
        <Route path="/search" component={SearchPage} />
        <Route path="/explore" component={ExplorePage} />
        <Route path="/login" component={LogInPage} />
        <Route path="/signup" component={SignUpPage} />
        <Route path="/mentions">
          <SignedIn>
            <MentionsPage />
          </SignedIn>
        </Route>
        <Route path="/settings">
          <SignedIn>
            <SettingsPage view="account" />
          </SignedIn>
        </Route>
        <Route path="/settings/sessions">
          <SignedIn>
            <SettingsPage view="sessions" />
          </SignedIn>
        </Route>
        <Route component={NotFound} />
      </Switch>
    </>
  );
}

/** A page for those who are signed in: others are asked to do so, and come back to it. */
function SignedIn({ children }: { readonly children: ReactNode }): ReactNode {
  const { status, ended } = useSession();
  const [path] = useLocation();
  const left = useRef(false);
  useEffect(() => {
    if (status === "signedOut" && !left.current) {
      left.current = true;
      go(ended === undefined ? `/login?next=${encodeURIComponent(path)}` : "/", { replace: true });
    }
  }, [status, ended, path]);
  return status === "signedIn" ? children : <SkeletonTweets />;
}

/** In the demo world, whoever comes for the first time looks around as somebody who lives there. Reports whether that is on its way. */
function useDemo(): boolean {
  const { status, logIn, ended } = useSession();
  const [failed, setFailed] = useState(false);
  const { demo } = settings;
  const wanted = demo !== null && ended === undefined && !failed && !["/login", "/signup"].includes(location.pathname) && !hasSignedOut();
  const entering = wanted && status === "signedOut";
  const begun = useRef(false);
  useEffect(() => {
    if (entering && !begun.current) {
      begun.current = true;
      const { username, password } = settings.demo ?? { username: "", password: "" };
      logIn({ login: username, password, device: device() }).then(({ ok }) => setFailed(!ok), () => setFailed(true));
    }
  }, [entering, logIn]);
  return entering;
}
