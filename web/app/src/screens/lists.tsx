import type { TweetSearchOrder } from "@roost/client";
import { useHashtag, useHomeSearch, useSession, useTweetSearch, useUserSearch, type Pages } from "@roost/client/react";
import { useState, type ReactNode } from "react";
import { useSearchParams } from "wouter";
import { SearchBox } from "../shell/search-box.tsx";
import { PageHead, Tabs, useTitle } from "../shell/page.tsx";
import { TweetList, type Entry } from "../tweets/list.tsx";
import { Link } from "../ui/link.tsx";
import { Empty, Failed } from "../ui/states.tsx";
import { NoPeople, UserList } from "../users/list.tsx";

interface TweetsProps {
  readonly pages: Pages<Entry>;
  readonly label: string;
  readonly empty: ReactNode;
}

/** Tweets of any list, or what to say instead of them. */
function Tweets({ pages, label, empty }: TweetsProps): ReactNode {
  if (pages.error && pages.edges.length === 0) {
    return <Failed error={pages.error} onRetry={pages.refresh} />;
  }
  if (!pages.loading && pages.edges.length === 0) {
    return <>{empty}</>;
  }
  return (
    <TweetList
      label={label}
      entries={pages.edges}
      loading={pages.loading}
      loadingMore={pages.loadingMore}
      hasMore={pages.hasMore}
      error={pages.error}
      onMore={() => void pages.loadMore()}
    />
  );
}

/** The tweets with a hashtag. */
export function HashtagPage({ name }: { readonly name: string }): ReactNode {
  const pages = useHashtag(name);
  const shown = pages.data?.hashtag?.name ?? name;
  useTitle(`#${shown}`);
  return (
    <>
      <PageHead title={`#${shown}`} />
      <Tweets
        pages={pages}
        label={`Tweets with #${shown}`}
        empty={
          <Empty title={`Nobody has written about #${shown} yet`}>
            <p>Be the first.</p>
          </Empty>
        }
      />
    </>
  );
}

/** The tweets that mention the viewer. */
export function MentionsPage(): ReactNode {
  useTitle("Mentions");
  const { user } = useSession();
  return (
    <>
      <PageHead title="Mentions" />
      {user && <Mentions username={user.username} />}
    </>
  );
}

function Mentions({ username }: { readonly username: string }): ReactNode {
  const pages = useTweetSearch({ query: `@${username}`, orderBy: "NEWEST" });
  return (
    <Tweets
      pages={pages}
      label="Mentions"
      empty={
        <Empty title="Nobody has mentioned you yet">
          <p>Tweets with @{username} come here.</p>
        </Empty>
      }
    />
  );
}

/** People whom many follow. */
export function ExplorePage(): ReactNode {
  useTitle("People");
  return (
    <>
      <PageHead title="People" under="Those whom most follow" />
      <UserList pages={useUserSearch("", { first: 30 })} label="People" empty={<NoPeople title="Nobody is here yet" />} />
    </>
  );
}

type SearchView = "top" | "latest" | "home" | "people";

const searchViews: readonly { readonly key: SearchView; readonly label: string }[] = [
  { key: "top", label: "Best" },
  { key: "latest", label: "Latest" },
  { key: "home", label: "My home" },
  { key: "people", label: "People" },
];

/** Search: tweets and people. */
export function SearchPage(): ReactNode {
  const [parameters] = useSearchParams();
  const query = parameters.get("q") ?? "";
  const [view, setView] = useState<SearchView>("top");
  const { status } = useSession();
  useTitle(query ? `Search: ${query}` : "Search");
  return (
    <>
      <PageHead title="Search" shown={<SearchBox key={query} initial={query} autoFocus={query === ""} />} />
      {query === "" ? (
        <Empty title="What are you looking for?">
          <p>
            Words, <b>"exact phrases"</b>, <b>#hashtags</b>, <b>@names</b>; a <b>-minus</b> leaves out.
          </p>
          <p>
            <Link to="/explore">Or look at the people here</Link>
          </p>
        </Empty>
      ) : (
        <>
          <Tabs
            label="Results"
            tabs={searchViews.filter(({ key }) => key !== "home" || status === "signedIn")}
            chosen={view}
            onChoose={(key) => setView(key as SearchView)}
          />
          {view === "people" ? (
            <FoundPeople key={query} query={query} />
          ) : view === "home" ? (
            <FoundAtHome key={query} query={query} />
          ) : (
            <FoundTweets key={`${view}-${query}`} query={query} orderBy={view === "top" ? "RELEVANT" : "NEWEST"} />
          )}
        </>
      )}
    </>
  );
}

function FoundPeople({ query }: { readonly query: string }): ReactNode {
  const pages = useUserSearch(query.replace(/^@/, ""), { first: 20 });
  return <UserList pages={pages} label="People" empty={<NoPeople title={`Nobody is called “${query}”`} />} />;
}

interface FoundTweetsProps {
  readonly query: string;
  readonly orderBy: TweetSearchOrder;
}

/** Search in one's own home timeline: what one remembers having seen there is found, whoever brought it. */
function FoundAtHome({ query }: { readonly query: string }): ReactNode {
  return (
    <Tweets
      pages={useHomeSearch(query)}
      label="Found in my home timeline"
      empty={
        <Empty title={`Nothing in your home timeline matches “${query}”`}>
          <p>All of it has been searched, however old.</p>
        </Empty>
      }
    />
  );
}

function FoundTweets({ query, orderBy }: FoundTweetsProps): ReactNode {
  const pages = useTweetSearch({ query, orderBy });
  return (
    <Tweets
      pages={pages}
      label="Tweets found"
      empty={
        <Empty title={`Nothing has been found for “${query}”`}>
          <p>Fewer words find more.</p>
        </Empty>
      }
    />
  );
}
