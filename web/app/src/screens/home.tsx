import { useHomeTimeline, useSession, useUserSearch } from "@roost/client/react";
import { useEffect, useLayoutEffect, useRef, type ReactNode } from "react";
import { PageHead, useTitle } from "../shell/page.tsx";
import { Composer } from "../tweets/compose.tsx";
import { TweetList } from "../tweets/list.tsx";
import { Avatar } from "../ui/avatar.tsx";
import { Empty, Failed } from "../ui/states.tsx";
import { UserRow } from "../users/list.tsx";

/** The home timeline. It stays mounted while other pages are open, so one comes back to where one was. */
export function Home({ shown }: { readonly shown: boolean }): ReactNode {
  const { user } = useSession();
  const home = useHomeTimeline({ live: false });
  const { waiting, showNew } = home;
  useHomeTitle(shown, waiting.length);
  const top = useRef<HTMLDivElement>(null);
  const press = (): void => {
    showNew();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    scrollTo({ top: 0, behavior: still || scrollY > 4_000 ? "instant" : "smooth" });
    top.current?.focus({ preventScroll: true });
  };
  const empty = !home.loading && home.entries.length === 0;
  return (
    <>
      <PageHead title="Home" canGoBack={false} />
      <div ref={top} tabIndex={-1} className="home-top">
        <div className="composer-inline">{user && <Composer />}</div>
      </div>
      <div className="pill-place" role="status">
        {waiting.length > 0 && (
          <button type="button" className="pill" data-pill="" onClick={press}>
            <span className="pill-faces" aria-hidden="true">
              {facesOf(waiting).map((face) => (
                <Avatar key={face.username} user={face} size="small" />
              ))}
            </span>
            {waiting.length === 1 ? "1 new post" : `${waiting.length} new posts`}
          </button>
        )}
      </div>
      {home.error !== undefined && empty ? (
        <Failed error={home.error} onRetry={home.refresh} />
      ) : empty ? (
        <FirstPeople />
      ) : (
        <TweetList
          label="Home timeline"
          entries={home.entries}
          loading={home.loading}
          loadingMore={home.loadingMore}
          hasMore={home.hasMore}
          error={home.error}
          onMore={() => void home.loadMore()}
          end={<p className="end">This is where it all began.</p>}
        />
      )}
    </>
  );
}

/** Faces of those whose tweets wait, three at most. */
function facesOf(waiting: ReturnType<typeof useHomeTimeline>["waiting"]): readonly { readonly username: string; readonly name: string }[] {
  const faces = new Map(waiting.map(({ node, retweet }) => [(retweet?.user ?? node.author).username, retweet?.user ?? node.author]));
  return [...faces.values()].slice(0, 3);
}

function useHomeTitle(shown: boolean, waiting: number): void {
  useTitle(shown ? (waiting > 0 ? `(${waiting}) Home` : "Home") : undefined);
}

/** Helps who follows nobody. */
function FirstPeople(): ReactNode {
  const { user } = useSession();
  const { edges } = useUserSearch("", { first: 12 });
  return (
    <Empty title="It is quiet here">
      <p>Follow some people, and what they write comes here at once.</p>
      <ul className="people people-cards">
        {edges
          .filter(({ node }) => node.id !== user?.id)
          .slice(0, 8)
          .map(({ node }) => (
            <UserRow key={node.id} user={node} />
          ))}
      </ul>
    </Empty>
  );
}

/** Keeps where the home timeline was scrolled to while another page is shown. */
export function useKeptScroll(shown: boolean): void {
  const top = useRef(0);
  useEffect(() => {
    if (!shown) {
      return undefined;
    }
    const note = (): void => void (top.current = scrollY);
    addEventListener("scroll", note, { passive: true });
    return () => removeEventListener("scroll", note);
  }, [shown]);
  useLayoutEffect(() => {
    if (shown) {
      scrollTo(0, top.current);
    }
  }, [shown]);
}
