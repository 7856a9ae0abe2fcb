package model

import (
	"roost/domain/tweets"
	"roost/internal/entities"
	"roost/internal/ids"
)

// HashtagEntity is a hashtag in a text.
type HashtagEntity struct {
	Start, End int32
	Hashtag    *Hashtag
}

// MentionEntity is a mention in a text. Username is in lower case; there may be no such user.
type MentionEntity struct {
	Start, End int32
	Username   string
}

// LinkEntity is a link in a text.
type LinkEntity struct {
	Start, End int32
	URL        string
}

// IsTextEntity marks the hashtag as a part of a text.
func (*HashtagEntity) IsTextEntity() {}

// IsTextEntity marks the mention as a part of a text.
func (*MentionEntity) IsTextEntity() {}

// IsTextEntity marks the link as a part of a text.
func (*LinkEntity) IsTextEntity() {}

// EntityOf returns an entity of a text.
func EntityOf(e entities.Entity) TextEntity {
	start, end := int32(e.Start), int32(e.End)
	switch e.Kind {
	case entities.Hashtag:
		return &HashtagEntity{start, end, HashtagOf(tweets.HashtagOf(e))}
	case entities.Mention:
		return &MentionEntity{start, end, e.Key}
	}
	return &LinkEntity{start, end, e.URL}
}

// Hashtag is a hashtag. Spelled is how it was found; its most common spelling is read when it is asked for.
type Hashtag struct {
	ID      ids.HashtagID
	Spelled string
}

// HashtagOf returns a hashtag in one of its spellings.
func HashtagOf(h tweets.Hashtag) *Hashtag { return &Hashtag{ids.HashtagID(h.ID), h.Name} }

// GlobalID is the id by which clients name the hashtag.
func (h *Hashtag) GlobalID() string { return h.ID.String() }
