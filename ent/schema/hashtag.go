package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// TweetHashtag is a hashtag of a tweet. It follows from the text of the tweet, is written in the tweet's transaction, and removed when
// the tweet is deleted.
type TweetHashtag struct{ ent.Schema }

// Fields of the hashtag. hashtag_id is a hash of the form in which hashtags are compared, name is the hashtag as the tweet has it.
func (TweetHashtag) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("hashtag_id").Immutable(),
		field.Int64("tweet_id").Immutable(),
		field.String("name").Immutable(),
	}
}

// Indexes list the tweets with a hashtag in order.
func (TweetHashtag) Indexes() []ent.Index {
	return []ent.Index{index.Fields("hashtag_id", "tweet_id").Unique().StorageKey("tweets_of_hashtag")}
}

// Annotations name the table.
func (TweetHashtag) Annotations() []schema.Annotation {
	return []schema.Annotation{table("tweet_hashtags")}
}

// Backfill is how far rows that follow from other rows have been written for those that there were before.
type Backfill struct{ ent.Schema }

// Fields of the backfill: the id of the last row that is done, and the id at which it ends.
func (Backfill) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").StorageKey("name").Immutable(),
		field.Int64("position"),
		field.Int64("until").Immutable(),
	}
}

// Annotations name the table.
func (Backfill) Annotations() []schema.Annotation { return []schema.Annotation{table("backfills")} }
