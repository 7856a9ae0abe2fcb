// Package guard refuses operations that would cost too much, before the work that they would cost.
//
// It works in two steps. Shape looks at the document alone, before gqlgen parses and validates it: some
// rules of validation are quadratic, and some counts double with every fragment. Every step of Shape is
// linear in the document, or bounded by a limit that an earlier step has checked; documents in the query
// cache have passed and are not looked at again. Cost looks at the validated operation with its variables:
// the number of fields that executing it may resolve, where lists count as often as they may have items.
//
// Both answer QUERY_TOO_COMPLEX; a document that cannot be parsed is left to gqlgen, which tells where the
// fault is.
package guard
