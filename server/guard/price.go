package guard

// What fields cost. A point is about a microsecond of processor time: measured with the whole API on two
// cores of an Intel Xeon, where a scalar takes 1 to 4, with a resolver of its own 4 to 8, an object 6 to 9 with the
// goroutines that resolve it, and a page 15 before its first item. Types of the schema's description are cheaper, as
// nothing is loaded.
const (
	scalarPoints = 2
	// resolvedPoints is the price of a scalar with a resolver of its own, which is called in a goroutine and may wait for a loader.
	resolvedPoints = 5
	// computedPoints is the price of a scalar of an object that is computed from the object that contains it.
	computedPoints = 1
	objectPoints   = 6
	pagePoints     = 12
	// itemPoints is the price of an item of which nothing is selected: it is read all the same.
	itemPoints = 2
	// namedPoints is the price of an item that the operation names by its id, beside that of the object: the id is decoded, and the
	// row looked up by itself.
	namedPoints = 4

	describedScalarPoints = 1
	describedObjectPoints = 2
)

// ListPrice is the price of a list that takes no size.
type ListPrice struct {
	Points int // for the list itself, without its items
	Size   int // how many items it counts as
}
