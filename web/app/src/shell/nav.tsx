import { useSession } from "@roost/client/react";
import { type ReactNode } from "react";
import { useLocation } from "wouter";
import { settings } from "../settings.ts";
import { compose } from "../tweets/compose.tsx";
import { Avatar } from "../ui/avatar.tsx";
import { Icon, Mark, type IconName } from "../ui/icon.tsx";
import { Link } from "../ui/link.tsx";

interface Place {
  readonly to: string;
  readonly label: string;
  readonly icon: IconName;
  /** Whether there is room for it at the bottom of a phone. */
  readonly phone?: boolean;
}

/** The main navigation: at the side, or at the bottom of a phone. */
export function Navigation(): ReactNode {
  const { user, status } = useSession();
  const [path] = useLocation();
  const places: Place[] = user
    ? [
        { to: "/", label: "Home", icon: "home", phone: true },
        { to: "/search", label: "Search", icon: "search", phone: true },
        { to: "/mentions", label: "Mentions", icon: "at", phone: true },
        { to: "/explore", label: "People", icon: "compass" },
        { to: `/@${user.username}`, label: "Profile", icon: "person", phone: true },
        { to: "/settings", label: "Settings", icon: "gear" },
      ]
    : [
        { to: "/", label: "Welcome", icon: "home", phone: true },
        { to: "/explore", label: "People", icon: "compass", phone: true },
        { to: "/search", label: "Search", icon: "search", phone: true },
      ];
  return (
    <nav className="nav" aria-label="Main">
      <Link to="/" className="nav-mark" aria-label="Roost">
        <Mark />
        <span className="nav-word">Roost</span>
      </Link>
      <ul className="nav-places">
        {places.map(({ to, label, icon, phone }) => (
          <li key={to} className={phone ? "" : "nav-wide"}>
            <Link to={to} className="nav-place" aria-current={path === to ? "page" : undefined} aria-label={label} title={label}>
              <Icon name={icon} />
              <span className="nav-label">{label}</span>
            </Link>
          </li>
        ))}
      </ul>
      {user && (
        <button type="button" className="button nav-compose" aria-label="New tweet" title="New tweet (n)" onClick={() => compose({})}>
          <Icon name="pen" />
          <span className="nav-label">Tweet</span>
        </button>
      )}
      {status === "signedOut" && (
        <div className="nav-sign">
          <Link to="/signup" className="button">
            Sign up
          </Link>
          <Link to="/login" className="button button-plain">
            Log in
          </Link>
        </div>
      )}
      <ul className="nav-small">
        <li>
          <a href="/docs">API guide</a>
        </li>
        {settings.playground && (
          <li>
            <a href="/playground">Playground</a>
          </li>
        )}
      </ul>
      {user && (
        <Link to={`/@${user.username}`} className="nav-me" title="Your profile">
          <Avatar user={user} />
          <span className="nav-me-text">
            <b>{user.name}</b>
            <span className="muted">@{user.username}</span>
          </span>
        </Link>
      )}
    </nav>
  );
}
