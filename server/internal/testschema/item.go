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
}

// EventKey makes the item a pullstream.Keyed.
func (it *Item) EventKey() string { return it.Key }
