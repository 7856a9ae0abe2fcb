// Package guard refuses operations that would cost too much, before the node does their work, and answers that become too
// large.
//
// It works in three steps. The first step, Shape, looks at the document alone, before gqlgen parses and validates it, because
// some rules of validation take quadratic time, and some counts double with every fragment. Every part of Shape takes time
// linear in the document's length, or is bounded by a limit that an earlier part has checked. Documents in the query cache have
// passed Shape and are not looked at again.
//
// The second step, Prices, looks at the validated operation with its variables. Each field has a price in points, and the price
// of a list counts as often as the list may have items. The price of a list that takes no size counts as often as the list is assumed
// to have items, which the owner of the schema says (Guard.ListPrice). Objects that are computed from the object that contains them,
// such as the hashtags in a text, cost no more than their values (Guard.Computed). Where an object may have several types, the most
// expensive one counts, and values that end up at one place of the answer count once. A request for the schema's description
// (introspection) is charged for everything that the description contains. The third step counts the bytes of the answer while it is
// written, and stops at the limit.
//
// The first two steps refuse with QUERY_TOO_COMPLEX, the third with RESPONSE_TOO_LARGE and without any data. A document that
// cannot be parsed is left to gqlgen, which reports where the fault is. Callers without a session have lower limits of points
// and bytes.
package guard
