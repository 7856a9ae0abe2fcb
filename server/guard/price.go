package guard

// What fields cost. A point is about a microsecond of processor time: measured with the whole API on two
// cores of an Intel Xeon, where a scalar takes 1 to 4, an object 6 to 9 with the goroutines that resolve it,
// and a page 15 before its first item. Types of the schema's description are cheaper, as nothing is loaded.
const (
	scalarPoints = 2
	objectPoints = 6
	pagePoints   = 12
	// itemPoints is the price of an item of which nothing is selected: it is read all the same.
	itemPoints = 2

	describedScalarPoints = 1
	describedObjectPoints = 3
)
