package playground

// Example is an operation to start from, which has a tab of its own. The page replaces a variable of the form
// {"fill": "TWEET"} or {"fill": "TWEETS"} with ids from the visitor's timeline, and {"fill": "USER"} with the id of a user
// whom the visitor can follow.
type Example struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables,omitempty"`
}

// Examples returns the tabs of a new visitor. The first one is in front. It is a query, which the page runs by itself.
func Examples() []Example {
	return []Example{
		{Query: `# Your home timeline, newest first. It has run already:
# press play, or Ctrl-Enter, to run it again.
# The Explorer, on the left, builds queries by clicking.
query HomeTimeline {
  viewer {
    user { username name }
    homeTimeline(first: 10) {
      edges {
        cursor
        node {
          id
          text
          createdAt
          author { username name }
          reactions {
            likeCount dislikeCount viewerReaction
          }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
`},
		{Query: `# Your timeline, live: events come on top, newest first.
# Leave it running, and tweet in a second window.
subscription HomeTimelineEvents {
  homeTimelineEvents {
    __typename
    ... on TimelineEntryAdded {
      edge { node { id text author { username } } }
    }
    ... on TimelineEntryRemoved { tweetId }
    ... on TimelineReset { reason }
  }
}
`},
		{Query: `mutation Tweet($input: CreateTweetInput!) {
  createTweet(input: $input) {
    tweet { id text createdAt author { username } }
    userErrors { code message path }
  }
}
`, Variables: map[string]any{"input": map[string]any{"text": "Hello from the playground"}}},
		{Query: `# DISLIKE or NONE change it.
# Doing it twice equals doing it once.
mutation Like($input: SetReactionInput!) {
  setReaction(input: $input) {
    subject {
      id
      reactions { likeCount dislikeCount viewerReaction }
    }
    userErrors { code message path }
  }
}
`, Variables: map[string]any{"input": map[string]any{"subjectId": map[string]any{"fill": "TWEET"}, "reaction": "LIKE"}}},
		{Query: `# Their tweets come into your home timeline at once,
# and a subscriber gets a TimelineReset.
mutation Follow($input: FollowUserInput!) {
  followUser(input: $input) {
    user {
      username viewerIsFollowing
      followers(first: 0) { totalCount }
    }
    userErrors { code message path }
  }
}
`, Variables: map[string]any{"input": map[string]any{"userId": map[string]any{"fill": "USER"}}}},
		{Query: `# The counts of some tweets, live:
# as they are first, then whenever they change.
subscription ReactionsChanged($ids: [ID!]!) {
  reactionsChanged(subjectIds: $ids) {
    id
    reactions { likeCount dislikeCount viewerReaction }
  }
}
`, Variables: map[string]any{"ids": map[string]any{"fill": "TWEETS"}}},
		{Query: `mutation SignUp($input: SignUpInput!) {
  signUp(input: $input) {
    viewer { user { id username } email }
    session { id expiresAt }
    userErrors { code message path }
  }
}
`, Variables: map[string]any{"input": map[string]any{
			"username": "newcomer", "email": "newcomer@example.com", "password": "correct horse battery",
		}}},
		{Query: `# COOKIE signs this browser in. TOKEN returns the key,
# to be put into the Headers tab:
# {"Authorization": "Bearer KEY"}
mutation LogIn($input: LogInInput!) {
  logIn(input: $input) {
    viewer { user { id username } }
    session { id deviceName expiresAt }
    token
    userErrors { code message path }
  }
}
`, Variables: map[string]any{"input": map[string]any{
			"login": "newcomer", "password": "correct horse battery", "tokenDelivery": "COOKIE",
		}}},
	}
}
