import { useQuery } from "@apollo/client/react";
import {
  ChangePassword,
  done,
  RevokeOtherSessions,
  RevokeSession,
  Sessions,
  Settings,
  UpdateSettings,
  type RefusalFragment,
  type Result,
  type SessionCardFragment,
  type SettingsQuery,
} from "@roost/client";
import { useRoost, useSession } from "@roost/client/react";
import { useState, type FormEvent, type ReactNode } from "react";
import { go } from "../navigation.ts";
import { settings as page } from "../settings.ts";
import { PageHead, Tabs, useTitle } from "../shell/page.tsx";
import { errorFor, Field } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { Failed, SkeletonTweets } from "../ui/states.tsx";
import { Ago } from "../ui/time.tsx";
import { say, sayError } from "../ui/toast.tsx";

type Viewer = NonNullable<SettingsQuery["viewer"]>;

/** Settings, and the devices that are signed in. */
export function SettingsPage({ view }: { readonly view: "account" | "sessions" }): ReactNode {
  useTitle(view === "sessions" ? "Devices" : "Settings");
  return (
    <>
      <PageHead title={view === "sessions" ? "Devices" : "Settings"} />
      <Tabs
        label="Settings"
        tabs={[
          { key: "account", label: "Account" },
          { key: "sessions", label: "Devices" },
        ]}
        chosen={view}
        onChoose={(key) => go(key === "account" ? "/settings" : "/settings/sessions", { replace: true })}
      />
      {view === "account" ? <Account /> : <Devices />}
    </>
  );
}

function Account(): ReactNode {
  const { data, error, refetch } = useQuery(Settings, { fetchPolicy: "cache-and-network" });
  if (error && !data) {
    return <Failed error={error} onRetry={() => void refetch().catch(() => {})} />;
  }
  return data?.viewer ? (
    <div className="settings">
      <AccountForm viewer={data.viewer} />
      <PasswordForm />
      <LogOutRow />
    </div>
  ) : (
    <SkeletonTweets count={2} />
  );
}

/** The frame of the forms: sends, says what was refused, and that it went well. */
function useForm(send: (form: FormData) => Promise<{ readonly ok: true } | { readonly ok: false; readonly userErrors: readonly RefusalFragment[] }>, done: string) {
  const [errors, setErrors] = useState<readonly RefusalFragment[]>([]);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget;
    setBusy(true);
    try {
      const result = await send(new FormData(form));
      setErrors(result.ok ? [] : result.userErrors);
      if (result.ok) {
        say(done);
        form.querySelectorAll<HTMLInputElement>("input[type=password]").forEach((input) => (input.value = ""));
      }
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  return { errors, busy, onSubmit: (event: FormEvent<HTMLFormElement>) => void submit(event) };
}

function AccountForm({ viewer }: { readonly viewer: Viewer }): ReactNode {
  const roost = useRoost();
  const [email, setEmail] = useState(viewer.email);
  const form = useForm(async (values) => {
    const username = String(values.get("username"));
    const input = {
      ...(username === viewer.user.username ? {} : { username }),
      ...(email === viewer.email ? {} : { email, currentPassword: String(values.get("currentPassword")) }),
    };
    return Object.keys(input).length === 0 ? { ok: true } : roost.act(UpdateSettings, { input });
  }, "Your settings are changed.");
  const fields = ["username", "email", "currentPassword"];
  return (
    <form className="form panel-form" onSubmit={form.onSubmit}>
      <h2>Account</h2>
      {errorFor(form.errors, "", fields) && (
        <p className="form-error" role="alert">
          {errorFor(form.errors, "", fields)}
        </p>
      )}
      <Field label="Username" name="username" autoComplete="username" defaultValue={viewer.user.username} error={errorFor(form.errors, "username")} />
      <Field label="Email" name="email" type="email" autoComplete="email" value={email} onChange={(event) => setEmail(event.target.value)} error={errorFor(form.errors, "email")} />
      {email !== viewer.email && (
        <Field
          label="Password"
          name="currentPassword"
          type="password"
          autoComplete="current-password"
          hint="To change the email, the password is needed."
          error={errorFor(form.errors, "currentPassword")}
        />
      )}
      <button type="submit" className="button" disabled={form.busy}>
        Save
      </button>
    </form>
  );
}

function PasswordForm(): ReactNode {
  const roost = useRoost();
  const form = useForm(
    (values) =>
      roost.act(ChangePassword, { input: { currentPassword: String(values.get("currentPassword")), newPassword: String(values.get("newPassword")) } }),
    "Your password is changed. All other devices are signed out.",
  );
  return (
    <form className="form panel-form" onSubmit={form.onSubmit}>
      <h2>Password</h2>
      {errorFor(form.errors, "", ["currentPassword", "newPassword"]) && (
        <p className="form-error" role="alert">
          {errorFor(form.errors, "", ["currentPassword", "newPassword"])}
        </p>
      )}
      <Field label="Current password" name="currentPassword" type="password" autoComplete="current-password" required error={errorFor(form.errors, "currentPassword")} />
      <Field
        label="New password"
        name="newPassword"
        type="password"
        autoComplete="new-password"
        required
        hint="All other devices are signed out."
        error={errorFor(form.errors, "newPassword")}
      />
      <button type="submit" className="button" disabled={form.busy}>
        Change the password
      </button>
    </form>
  );
}

function LogOutRow(): ReactNode {
  const { logOut } = useSession();
  const leave = async (): Promise<void> => {
    try {
      rememberSignOut();
      await logOut();
      go("/");
    } catch (error) {
      sayError(error);
    }
  };
  return (
    <div className="panel-form">
      <h2>This device</h2>
      <p>
        <button type="button" className="button button-plain" onClick={() => void leave()}>
          <Icon name="out" /> Log out
        </button>
      </p>
      <p className="nav-small-links">
        <a href="/docs">API guide</a>
        {page.playground && <a href="/playground">Playground</a>}
      </p>
    </div>
  );
}

const signedOutHere = "roost:signed-out";

/** Whoever signs out of the demo stays signed out in this tab. */
export function rememberSignOut(): void {
  try {
    sessionStorage.setItem(signedOutHere, "1");
  } catch {
    // a browser that keeps nothing signs in again
  }
}

/** Whether somebody signed out in this tab. */
export function hasSignedOut(): boolean {
  try {
    return sessionStorage.getItem(signedOutHere) !== null;
  } catch {
    return false;
  }
}

function Devices(): ReactNode {
  const roost = useRoost();
  const { data, error, refetch } = useQuery(Sessions, { fetchPolicy: "cache-and-network" });
  const [busy, setBusy] = useState(false);
  const viewer = data?.viewer;
  const act = async <TData,>(what: () => Promise<Result<TData>>, said: string): Promise<void> => {
    setBusy(true);
    try {
      done(await what());
      await refetch();
      say(said);
    } catch (failure) {
      sayError(failure);
    } finally {
      setBusy(false);
    }
  };
  if (error && !viewer) {
    return <Failed error={error} onRetry={() => void refetch().catch(() => {})} />;
  }
  if (!viewer) {
    return <SkeletonTweets count={3} />;
  }
  const single = viewer.sessionPolicy === "SINGLE_DEVICE";
  return (
    <div className="settings">
      <section className="panel-form">
        <h2>Signed in on</h2>
        <ul className="devices">
          {viewer.sessions.map((session) => (
            <Device
              key={session.id}
              session={session}
              busy={busy}
              onEnd={() => void act(() => roost.act(RevokeSession, { input: { sessionId: session.id } }), "The device is signed out.")}
            />
          ))}
        </ul>
        {viewer.sessions.length > 1 && (
          <button type="button" className="button button-danger" disabled={busy} onClick={() => void act(() => roost.act(RevokeOtherSessions), "All other devices are signed out.")}>
            Sign out of all others
          </button>
        )}
      </section>
      <section className="panel-form">
        <h2>One device at a time</h2>
        <label className="switch">
          <input
            type="checkbox"
            role="switch"
            checked={single}
            disabled={busy}
            onChange={() =>
              void act(() => roost.act(UpdateSettings, { input: { sessionPolicy: single ? "MULTI_DEVICE" : "SINGLE_DEVICE" } }), "Your settings are changed.")
            }
          />
          <span>Signing in on one device signs out the others</span>
        </label>
      </section>
    </div>
  );
}

function Device({ session, busy, onEnd }: { readonly session: SessionCardFragment; readonly busy: boolean; readonly onEnd: () => void }): ReactNode {
  return (
    <li className="device">
      <Icon name="devices" />
      <div className="device-text">
        <p>
          <b>{session.deviceName ?? "A device without a name"}</b> {session.isCurrent && <span className="badge">This one</span>}
        </p>
        <p className="muted">
          Used <Ago at={session.lastUsedAt} />, signed in <Ago at={session.createdAt} />
        </p>
      </div>
      {!session.isCurrent && (
        <button type="button" className="button button-plain" disabled={busy} aria-label={`Sign out ${session.deviceName ?? "the device"}`} onClick={onEnd}>
          Sign out
        </button>
      )}
    </li>
  );
}
