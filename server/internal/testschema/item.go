package testschema

// Item is bound to its type so that the fields that may go wrong get resolvers.
type Item struct {
	ID   string
	Name *string
	// Faults is how often `sound` still fails, with Code.
	Faults int
	Code   string
}
