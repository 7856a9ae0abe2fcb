import { useSearch } from "@roost/client/react";
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { go } from "../navigation.ts";
import { Avatar } from "../ui/avatar.tsx";
import { Icon } from "../ui/icon.tsx";

/** Search with people as one types. Enter searches tweets, arrows and Enter open a person. */
export function SearchBox({ initial = "", autoFocus = false }: { readonly initial?: string; readonly autoFocus?: boolean }): ReactNode {
  const [text, setText] = useState(initial);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const { edges, query } = useSearch(open ? text : "");
  useEffect(() => setText(initial), [initial]);
  useEffect(() => setAt(-1), [query]);
  const shown = open && query !== "" ? edges : [];
  const close = (): void => {
    setOpen(false);
    setAt(-1);
  };
  const submit = (): void => {
    close();
    input.current?.blur();
    if (text.trim() !== "") {
      go(`/search?q=${encodeURIComponent(text.trim())}`);
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt((now) => Math.min(shown.length - 1, Math.max(-1, now + step)));
    } else if (event.key === "Escape") {
      close();
    } else if (event.key === "Enter") {
      event.preventDefault();
      const user = shown[at]?.node;
      if (user) {
        close();
        input.current?.blur();
        go(`/@${user.username}`);
      } else {
        submit();
      }
    }
  };
  return (
    <form
      className="search-box"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Icon name="search" />
      <input
        ref={input}
        data-search=""
        type="search"
        role="combobox"
        aria-label="Search"
        aria-expanded={shown.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
        placeholder="Search"
        autoComplete="off"
        autoFocus={autoFocus}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={close}
        onKeyDown={onKeyDown}
      />
      <ul id={`${id}-list`} role="listbox" aria-label="People" className="search-list" hidden={shown.length === 0}>
        {shown.map(({ node }, i) => (
          <li
            key={node.id}
            id={`${id}-${i}`}
            role="option"
            aria-selected={i === at}
            onPointerDown={(event) => {
              event.preventDefault(); // the input keeps the focus until the page has changed
              close();
              input.current?.blur();
              go(`/@${node.username}`);
            }}
          >
            <Avatar user={node} size="small" />
            <span>
              <b>{node.name}</b> <span className="muted">@{node.username}</span>
            </span>
          </li>
        ))}
      </ul>
    </form>
  );
}
