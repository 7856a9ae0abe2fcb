// Package guard refuses operations that would cost too much, before the work that they would cost, and answers
// that become too large.
//
// It works in three steps. Shape looks at the document alone, before gqlgen parses and validates it: some
// rules of validation are quadratic, and some counts double with every fragment. Every step of Shape is
// linear in the document, or bounded by a limit that an earlier step has checked; documents in the query
// cache have passed and are not looked at again. Prices look at the validated operation with its variables:
// each field has a price in points, and lists count as often as they may have items; what asks for the schema's
// description is charged for all that the description holds. The third step counts the bytes of the answer while
// it is written, and stops where the limit is.
//
// The first two answer QUERY_TOO_COMPLEX, the third RESPONSE_TOO_LARGE with nothing of the data; a document that
// cannot be parsed is left to gqlgen, which reports where the fault is. Callers without a session have lower limits
// of points and bytes.
package guard
