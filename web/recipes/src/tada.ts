import { initGraphQLTada, type ResultOf, type VariablesOf } from "gql.tada";
import type { introspection } from "./generated/introspection.js";

/** Types a document by the schema, as it is written: nothing is generated when it changes. */
export const graphql = initGraphQLTada<{ introspection: introspection; scalars: { ID: string; DateTime: string; URI: string } }>();

/** A page of the home timeline. */
export const Home = graphql(`
  query Home($first: Int, $after: String) {
    viewer {
      homeTimeline(first: $first, after: $after) {
        nodes {
          id
          text
          author {
            username
          }
          reactions {
            viewerReaction
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

/** A tweet of such a page; `author.username` is a string, and `viewerReaction` one of the reactions. */
export type HomeTweet = NonNullable<ResultOf<typeof Home>["viewer"]>["homeTimeline"]["nodes"][number];

/** What a page may be asked with. */
export type HomeVariables = VariablesOf<typeof Home>;
