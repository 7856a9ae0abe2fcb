import { useEffect, type ReactNode } from "react";
import { back } from "../navigation.ts";
import { settings } from "../settings.ts";
import { Icon } from "../ui/icon.tsx";

/** Sets the title of the tab while the page is open. */
export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title ? `${title} · ${settings.title}` : settings.title;
  }, [title]);
}

interface HeadProps {
  readonly title: string;
  /** What stands in the title's place for eyes; the heading stays the title. */
  readonly shown?: ReactNode;
  readonly under?: ReactNode;
  /** Whether there is a way back. */
  readonly canGoBack?: boolean;
  readonly children?: ReactNode;
}

/** The head of a page: it stays on top while one scrolls. */
export function PageHead({ title, shown, under, canGoBack = true, children }: HeadProps): ReactNode {
  return (
    <header className="page-head">
      {canGoBack && (
        <button type="button" className="button-icon" aria-label="Back" onClick={() => back("/")}>
          <Icon name="left" />
        </button>
      )}
      <div className="page-head-text">
        <h1 className={shown ? "visually-hidden" : ""}>{title}</h1>
        {shown}
        {under && <p className="muted">{under}</p>}
      </div>
      {children}
    </header>
  );
}

interface Tab {
  readonly key: string;
  readonly label: string;
}

interface TabsProps {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly chosen: string;
  readonly onChoose: (key: string) => void;
}

/** Some views of one page, of which one is shown. */
export function Tabs({ label, tabs, chosen, onChoose }: TabsProps): ReactNode {
  return (
    <div className="tabs" role="group" aria-label={label}>
      {tabs.map((tab) => (
        <button key={tab.key} type="button" className="tab" aria-pressed={tab.key === chosen} onClick={() => onChoose(tab.key)}>
          {tab.label}
        </button>
      ))}
    </div>
  );
}
