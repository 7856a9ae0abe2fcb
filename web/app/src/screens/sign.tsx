import { useQuery } from "@apollo/client/react";
import { Limits, type RefusalFragment } from "@roost/client";
import { useSession } from "@roost/client/react";
import { useEffect, useState, type FormEvent, type ReactNode } from "react";
import { useSearchParams } from "wouter";
import { device } from "../device.ts";
import { go } from "../navigation.ts";
import { settings } from "../settings.ts";
import { useTitle } from "../shell/page.tsx";
import { errorFor, Field } from "../ui/field.tsx";
import { Mark } from "../ui/icon.tsx";
import { Link } from "../ui/link.tsx";
import { sayError } from "../ui/toast.tsx";

/** Where somebody goes after signing in: back to the page that asked for it, if it is one of the app. */
function useNext(): string {
  const [parameters] = useSearchParams();
  const next = parameters.get("next") ?? "/";
  return next.startsWith("/") && !next.startsWith("//") && !next.startsWith("/\\") ? next : "/";
}

/** Logs in. */
export function LogInPage(): ReactNode {
  useTitle("Log in");
  const { logIn, status } = useSession();
  const next = useNext();
  const [errors, setErrors] = useState<readonly RefusalFragment[]>([]);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (status === "signedIn") {
      go(next, { replace: true });
    }
  }, [status, next]);
  const enter = async (login: string, password: string): Promise<void> => {
    setBusy(true);
    try {
      const result = await logIn({ login, password, device: device() });
      if (!result.ok) {
        setErrors(result.userErrors);
      }
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    void enter(String(form.get("login")), String(form.get("password")));
  };
  const { demo } = settings;
  return (
    <div className="sign">
      <Mark />
      <h1>Log in</h1>
      <form className="form" onSubmit={submit}>
        {errors.length > 0 && (
          <p className="form-error" role="alert">
            {errorFor(errors, "")}
          </p>
        )}
        <Field label="Username or email" name="login" autoComplete="username" autoCapitalize="none" required />
        <Field label="Password" name="password" type="password" autoComplete="current-password" required />
        <button type="submit" className="button button-large" disabled={busy}>
          Log in
        </button>
      </form>
      {demo && (
        <button type="button" className="button button-plain button-large" disabled={busy} onClick={() => void enter(demo.username, demo.password)}>
          Look around as @{demo.username}
        </button>
      )}
      <p className="muted">
        No account? <Link to="/signup">Sign up</Link>
      </p>
    </div>
  );
}

const signUpFields = ["username", "email", "password", "name"] as const;

/** Makes an account. */
export function SignUpPage(): ReactNode {
  useTitle("Sign up");
  const { signUp, status } = useSession();
  const { data } = useQuery(Limits, { fetchPolicy: "cache-first" });
  const next = useNext();
  const [errors, setErrors] = useState<readonly RefusalFragment[]>([]);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (status === "signedIn") {
      go(next, { replace: true });
    }
  }, [status, next]);
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => String(form.get(name));
    setBusy(true);
    try {
      const name = text("name").trim();
      const result = await signUp({
        username: text("username"),
        email: text("email"),
        password: text("password"),
        ...(name === "" ? {} : { name }),
        device: device(),
      });
      if (!result.ok) {
        setErrors(result.userErrors);
      }
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  const rest = errorFor(errors, "", signUpFields);
  return (
    <div className="sign">
      <Mark />
      <h1>Make an account</h1>
      <form className="form" onSubmit={(event) => void submit(event)} noValidate>
        {rest && (
          <p className="form-error" role="alert">
            {rest}
          </p>
        )}
        <Field label="Name" name="name" autoComplete="name" hint="As others see it." error={errorFor(errors, "name")} />
        <Field
          label="Username"
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          hint={`Letters, digits and underscores, up to ${data?.limits.usernameLength ?? 30}.`}
          error={errorFor(errors, "username")}
        />
        <Field label="Email" name="email" type="email" autoComplete="email" required hint="Only for signing in; nobody else sees it." error={errorFor(errors, "email")} />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          hint={`At least ${data?.limits.passwordMinLength ?? 8} characters.`}
          error={errorFor(errors, "password")}
        />
        <button type="submit" className="button button-large" disabled={busy}>
          Sign up
        </button>
      </form>
      <p className="muted">
        You have an account? <Link to="/login">Log in</Link>
      </p>
    </div>
  );
}
