package testschema

// Item is bound to its type so that the fields that may go wrong get resolvers.
type Item struct {
	ID   string
	Name *string
}
