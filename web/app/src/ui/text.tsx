import type { TweetEntitiesFragment } from "@roost/client";
import { Fragment, type ReactNode } from "react";
import { Link } from "./link.tsx";

interface TextProps {
  readonly text: string;
  /** The offsets count UTF-16 units, as strings of JavaScript do. */
  readonly entities?: TweetEntitiesFragment["entities"] | undefined;
}

/** The text of a tweet with its hashtags, mentions and links. */
export function TweetText({ text, entities = [] }: TextProps): ReactNode {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const entity of entities) {
    if (entity.start < at) {
      continue;
    }
    parts.push(text.slice(at, entity.start));
    const shown = text.slice(entity.start, entity.end);
    parts.push(<Fragment key={entity.start}>{linkOf(entity, shown)}</Fragment>);
    at = entity.end;
  }
  parts.push(text.slice(at));
  return parts;
}

function linkOf(entity: TweetEntitiesFragment["entities"][number], shown: string): ReactNode {
  switch (entity.__typename) {
    case "HashtagEntity":
      return <Link to={`/hashtags/${encodeURIComponent(entity.hashtag.name)}`}>{shown}</Link>;
    case "MentionEntity":
      return entity.user ? <Link to={`/@${entity.user.username}`}>{shown}</Link> : shown;
    case "LinkEntity":
      return (
        <a href={entity.url} rel="noopener nofollow ugc" target="_blank" onClick={(event) => event.stopPropagation()}>
          {shown.replace(/^https?:\/\//, "")}
        </a>
      );
    default:
      return shown;
  }
}
