package rig

import "roost/testkit/apitest"

// What a client shows after a click on a tweet.
const (
	Retweet   = `mutation($id: ID!) { op: retweet(input: {tweetId: $id}) { ` + retweeted + ` } }`
	Unretweet = `mutation($id: ID!) { op: unretweet(input: {tweetId: $id}) { ` + retweeted + ` } }`
	retweeted = `tweet { retweetCount viewerHasRetweeted reactions { revision } } userErrors { code }`
)

// ReadRetweeted reads the same of a tweet.
const ReadRetweeted = `query($id: ID!) { tweet(id: $id) { retweetCount viewerHasRetweeted reactions { revision } } }`

// Retweeted is what an answer says of a tweet and of its viewer.
type Retweeted struct {
	Count, Revision int
	Mine            bool
}

// RetweetedAt reads what an answer says at a path to a tweet.
func RetweetedAt(res *apitest.Response, path string) Retweeted {
	return Retweeted{Count: res.Int(path + ".retweetCount"), Revision: res.Int(path + ".reactions.revision"),
		Mine: res.Get(path+".viewerHasRetweeted") == true}
}
