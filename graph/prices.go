package graph

import (
	"slices"

	"roost/domain/tweets"
	"roost/server/guard"
)

// IsFree reports whether asking for a field costs nothing.
func IsFree(object, field string) bool { return object == "Query" && field == "rateLimit" }

// listPrices are the prices of lists that take no size, by object and field.
//
// A text has one entity on average: the 36,000 tweets of the imported data have 0.9 each, and 52 of them more than one. To find the
// entities of a text that is full of them takes 25 µs. Ancestors are read as a page is; they count as the most that there can be, because
// each of them is looked up.
var listPrices = map[string]guard.ListPrice{
	"Tweet.entities":  {Points: 24, Size: 1},
	"Tweet.ancestors": {Points: 12, Size: tweets.MaxAncestors},
}

// ListPrice returns the price of a list that takes no size, and false for the price that the guard assumes.
func ListPrice(object, field string) (guard.ListPrice, bool) {
	price, ok := listPrices[object+"."+field]
	return price, ok
}

// computedTypes are found in the text of a tweet, which has been read.
var computedTypes = []string{"TextEntity", "HashtagEntity", "MentionEntity", "LinkEntity"}

// IsComputed reports whether the objects of a type are computed from the object that contains them.
func IsComputed(typeName string) bool { return slices.Contains(computedTypes, typeName) }
