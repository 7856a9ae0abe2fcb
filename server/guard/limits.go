package guard

import (
	"errors"
	"fmt"
	"reflect"
)

// Limits bound a document and an operation. Zero values mean the defaults. The defaults allow a few times the fields of
// a rich screen, and the introspection query of GraphiQL.
type Limits struct {
	Bytes      int // length of the document; 32 KiB
	Tokens     int // tokens of the document without comments; 3,000
	Nesting    int // brackets of any kind inside each other; 60
	Depth      int // fields inside each other, through fragments; 20
	Selections int // selections of an operation or fragment, with its fragments written out; 1,000
	Total      int // Selections of all operations and fragments together; 3,000
	SelectSet  int // selections written in one set; 120
	EqualKeys  int // fields that end up under one key of a response object; 40
	RootFields int // fields at the top of an operation, through fragments; 20
	Aliases    int // aliases of fields; 120
	Fragments  int // fragments defined; 60
	Spreads    int // uses of fragments, named and inline; 200
	Directives int // uses of directives; 60
	Operations int // operations defined in one document; 20
	Variables  int // variables defined by one operation; 60
	Literal    int // lists and objects inside each other in a literal; 10

	// Cost is the most points that an operation of a signed-in caller may cost; 20,000. See Prices.
	Cost int
	// AnonymousCost is the limit of a caller without a session, in points; 10,000, which takes less than 20 ms of processor time.
	AnonymousCost int
	// AnswerBytes is the most data in an answer or an event for a signed-in caller, in bytes; 4 MiB.
	AnswerBytes int
	// AnonymousAnswerBytes is the most data in an answer or an event for a caller without a session, in bytes; 1 MiB.
	AnonymousAnswerBytes int
	// Page is the largest page of any list, in items; a request for a larger page counts as this size; 100.
	Page int
	// DefaultPage is the number of items of a list whose size was not asked for; 20.
	DefaultPage int
	// List is the assumed length of a list without a size argument; 5.
	List int
}

// Defaults returns the limits that replace zero values.
func Defaults() Limits {
	return Limits{
		Bytes: 32 << 10, Tokens: 3_000, Nesting: 60, Depth: 20, Selections: 1_000, Total: 3_000, SelectSet: 120, EqualKeys: 40,
		RootFields: 20, Aliases: 120, Fragments: 60, Spreads: 200, Directives: 60, Operations: 20, Variables: 60,
		Literal: 10, Cost: 20_000, AnonymousCost: 10_000, AnswerBytes: 4 << 20, AnonymousAnswerBytes: 1 << 20,
		Page: 100, DefaultPage: 20, List: 5,
	}
}

// withDefaults fills in the zero values, and refuses negative ones.
func (l Limits) withDefaults() (Limits, error) {
	set, defaults := reflect.ValueOf(&l).Elem(), reflect.ValueOf(Defaults())
	var faults []error
	for i := range set.NumField() {
		switch field := set.Field(i); {
		case field.Int() == 0:
			field.Set(defaults.Field(i))
		case field.Int() < 0:
			faults = append(faults, fmt.Errorf("guard: limit %s is negative", set.Type().Field(i).Name))
		}
	}
	return l, errors.Join(faults...)
}
