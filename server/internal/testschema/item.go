package testschema

// Item is bound to its type so that the fields that may go wrong get resolvers.
type Item struct {
	ID   string
	Name *string
	// Faults is how often `sound` still fails, with Code.
	Faults int
	Code   string
	// Key makes it a pullstream.Keyed, unless it is empty.
	Key string
	// Cursor makes it a pullstream.Resumable, unless it is empty.
	Cursor string
}

// EventCursor makes the item a pullstream.Resumable.
func (it *Item) EventCursor() string { return it.Cursor }

// EventKey makes the item a pullstream.Keyed.
func (it *Item) EventKey() string { return it.Key }
