import { useQuery } from "@apollo/client/react";
import { Limits, type RefusalFragment, type Refused } from "@roost/client";
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
  try {
    const next = new URL(parameters.get("next") ?? "/", location.origin);
    return next.origin === location.origin ? next.pathname + next.search : "/";
  } catch {
    return "/";
  }
}

/** What a form of signing in knows while it is filled in and sent. Whoever is signed in goes on to the next page. */
function useSigning<TInput>(sign: (input: TInput) => Promise<{ readonly ok: true } | Refused>) {
  const { status } = useSession();
  const next = useNext();
  const [errors, setErrors] = useState<readonly RefusalFragment[]>([]);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (status === "signedIn") {
      go(next, { replace: true });
    }
  }, [status, next]);
  const send = async (input: TInput): Promise<void> => {
    setBusy(true);
    try {
      const result = await sign(input);
      if (!result.ok) {
        setErrors(result.userErrors);
      }
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  return { errors, busy, send };
}

interface SignFormProps {
  readonly title: string;
  /** What is wrong with no field of the form. */
  readonly error: string | undefined;
  readonly button: string;
  readonly busy: boolean;
  readonly noValidate?: boolean;
  /** Gets what reads the text of a field. */
  readonly onSend: (text: (name: string) => string) => void;
  readonly children: ReactNode;
  readonly under: ReactNode;
}

/** A page with a form of signing in. */
function SignForm({ title, error, button, busy, noValidate = false, onSend, children, under }: SignFormProps): ReactNode {
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    onSend((name) => String(form.get(name)));
  };
  return (
    <div className="sign">
      <Mark />
      <h1>{title}</h1>
      <form className="form" onSubmit={submit} noValidate={noValidate}>
        {error && (
          <p className="form-error" role="alert">
            {error}
          </p>
        )}
        {children}
        <button type="submit" className="button button-large" disabled={busy}>
          {button}
        </button>
      </form>
      {under}
    </div>
  );
}

/** Logs in. */
export function LogInPage(): ReactNode {
  useTitle("Log in");
  const { logIn } = useSession();
  const { errors, busy, send } = useSigning(logIn);
  const { demo } = settings;
  const enter = (login: string, password: string): void => void send({ login, password, device: device() });
  return (
    <SignForm
      title="Log in"
      error={errorFor(errors, "")}
      button="Log in"
      busy={busy}
      onSend={(text) => enter(text("login"), text("password"))}
      under={
        <>
          {demo && (
            <button type="button" className="button button-plain button-large" disabled={busy} onClick={() => enter(demo.username, demo.password)}>
              Look around as @{demo.username}
            </button>
          )}
          <p className="muted">
            No account? <Link to="/signup">Sign up</Link>
          </p>
        </>
      }
    >
      <Field label="Username or email" name="login" autoComplete="username" autoCapitalize="none" required />
      <Field label="Password" name="password" type="password" autoComplete="current-password" required />
    </SignForm>
  );
}

const signUpFields = ["username", "email", "password", "name"] as const;

/** Makes an account. */
export function SignUpPage(): ReactNode {
  useTitle("Sign up");
  const { signUp } = useSession();
  const { data } = useQuery(Limits, { fetchPolicy: "cache-first" });
  const { errors, busy, send } = useSigning(signUp);
  const sendForm = (text: (name: string) => string): void => {
    const name = text("name").trim();
    const input = { username: text("username"), email: text("email"), password: text("password"), device: device() };
    void send(name === "" ? input : { ...input, name });
  };
  return (
    <SignForm
      title="Make an account"
      error={errorFor(errors, "", signUpFields)}
      button="Sign up"
      busy={busy}
      noValidate
      onSend={sendForm}
      under={
        <p className="muted">
          You have an account? <Link to="/login">Log in</Link>
        </p>
      }
    >
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
    </SignForm>
  );
}
