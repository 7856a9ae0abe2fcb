var s={Me:["sha256:df6d03a125d4536a2bd9644094db101ec167fb826128c32c9d5d3d047c851123",`query Me {
  viewer {
    ...SignedIn
    __typename
  }
}

fragment UserName on User {
  id
  username
  name
  __typename
}

fragment SignedIn on Viewer {
  user {
    ...UserName
    __typename
  }
  email
  currentSession {
    id
    expiresAt
    __typename
  }
  __typename
}`],HomeTimeline:["sha256:b98c36ea2c881079e5832bc3ad266d968bd346c641884c80cf9bb82dc05bc022",`query HomeTimeline($first: Int, $after: String) {
  viewer {
    homeTimeline(first: $first, after: $after) {
      eventCursor
      edges {
        ...TimelineEntry
        __typename
      }
      pageInfo {
        hasNextPage
        endCursor
        __typename
      }
      __typename
    }
    __typename
  }
}

fragment UserName on User {
  id
  username
  name
  __typename
}

fragment TweetRetweets on Tweet {
  id
  retweetCount
  viewerHasRetweeted
  __typename
}

fragment TweetReactions on Reactable {
  id
  reactions {
    likeCount
    dislikeCount
    viewerReaction
    revision
    __typename
  }
  __typename
}

fragment TweetState on Tweet {
  id
  replyCount
  author {
    ...UserName
    __typename
  }
  ...TweetRetweets
  ...TweetReactions
  __typename
}

fragment TweetThread on Tweet {
  id
  isReply
  replyCount
  inReplyTo {
    id
    author {
      ...UserName
      __typename
    }
    __typename
  }
  __typename
}

fragment TweetCard on Tweet {
  id
  text
  createdAt
  viewerCanDelete
  ...TweetState
  ...TweetThread
  __typename
}

fragment TweetEntities on Tweet {
  id
  entities {
    start
    end
    ... on HashtagEntity {
      hashtag {
        id
        name
        __typename
      }
      __typename
    }
    ... on MentionEntity {
      user {
        id
        username
        __typename
      }
      __typename
    }
    ... on LinkEntity {
      url
      __typename
    }
    __typename
  }
  __typename
}

fragment TimelineEntry on TimelineEdge {
  cursor
  retweet {
    id
    createdAt
    user {
      ...UserName
      __typename
    }
    __typename
  }
  node {
    ...TweetCard
    ...TweetEntities
    __typename
  }
  __typename
}`],Thread:["sha256:5f9ab8a1cb801fb591868c6e1faf7e09c8f7c851fed5c268d76fa0d2e185bd46",`query Thread($id: ID!, $first: Int, $after: String, $orderBy: ReplyOrder) {
  tweet(id: $id) {
    ...TweetCard
    ...TweetEntities
    ancestors {
      ...TweetCard
      __typename
    }
    replies(first: $first, after: $after, orderBy: $orderBy) {
      edges {
        cursor
        node {
          ...TweetCard
          ...TweetEntities
          __typename
        }
        __typename
      }
      pageInfo {
        hasNextPage
        endCursor
        __typename
      }
      __typename
    }
    __typename
  }
}

fragment UserName on User {
  id
  username
  name
  __typename
}

fragment TweetRetweets on Tweet {
  id
  retweetCount
  viewerHasRetweeted
  __typename
}

fragment TweetReactions on Reactable {
  id
  reactions {
    likeCount
    dislikeCount
    viewerReaction
    revision
    __typename
  }
  __typename
}

fragment TweetState on Tweet {
  id
  replyCount
  author {
    ...UserName
    __typename
  }
  ...TweetRetweets
  ...TweetReactions
  __typename
}

fragment TweetThread on Tweet {
  id
  isReply
  replyCount
  inReplyTo {
    id
    author {
      ...UserName
      __typename
    }
    __typename
  }
  __typename
}

fragment TweetCard on Tweet {
  id
  text
  createdAt
  viewerCanDelete
  ...TweetState
  ...TweetThread
  __typename
}

fragment TweetEntities on Tweet {
  id
  entities {
    start
    end
    ... on HashtagEntity {
      hashtag {
        id
        name
        __typename
      }
      __typename
    }
    ... on MentionEntity {
      user {
        id
        username
        __typename
      }
      __typename
    }
    ... on LinkEntity {
      url
      __typename
    }
    __typename
  }
  __typename
}`]};const d=/"documents":"id"/.test(document.getElementById("settings")?.textContent??""),i=new Map;globalThis.early=i;function e(n,t){const[_,m]=s[n]??[],a=fetch("/graphql",{method:"POST",credentials:"include",headers:{"content-type":"application/json",accept:"application/graphql-response+json,application/json;q=0.9"},body:JSON.stringify({operationName:n,variables:t,...d?{documentId:_}:{query:m}})});a.catch(()=>{}),i.set(`${n} ${JSON.stringify(t)}`,a)}e("Me",{});const[,r]=/^\/tweets\/([\w-]+)$/.exec(location.pathname)??[];r!==void 0?e("Thread",{id:r,first:20,orderBy:"RELEVANT"}):location.pathname==="/"&&e("HomeTimeline",{first:20});
