package transport

import "testing"

// What is left of gqlparser's messages, also of those that its parser keeps to itself today.
func TestRedact(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`Expected value of type "String!", found hunter2.`:                   `Expected value of type "String!", found something else.`,
		`Expected value of type "X!", found ". Did you mean {x: "a"}".`:      `Expected value of type "X!", found something else.`,
		`String cannot represent a non string value: hunter2`:                `String cannot represent a non string value.`,
		`Int cannot represent non 32-bit signed integer value: 123456789012`: `Int cannot represent non 32-bit signed integer value.`,
		`Enum "K!" cannot represent non-enum value: "LIKE, value: x".`:       `Enum "K!" cannot represent non-enum value.`,
		`Value "hunter2" does not exist in "K" enum. Did you mean the enum "L"?`: `The value does not exist in "K" enum.` +
			` Did you mean the enum "L"?`,
		`hunter2 is not a valid K is not a valid TokenDelivery`: `the value is not a valid TokenDelivery`,
		`cannot use value 5 as Int`:                             `cannot use the value as Int`,
		`Unexpected Name "hunter2"`:                             `Unexpected Name.`,
		`Unexpected String "a \" b"`:                            `Unexpected String.`,
		`Unexpected <EOF>`:                                      `Unexpected <EOF>.`,
		`Unexpected }`:                                          `Unexpected }.`,
		`Unexpected hunter2`:                                    `Unexpected something else.`,
		`Expected Name, found String "hunter2"`:                 `Expected Name, found String.`,
		`Expected "on", found Name "hunter2"`:                   `Expected "on", found Name.`,
		`Invalid character escape sequence: \uhunter2")}.`:      `Invalid character escape sequence.`,
		`Invalid number, expected digit but got: "x".`:          `Invalid number.`,
		`Cannot parse the unexpected character "§".`:            `Cannot parse the unexpected character.`,
		// Names, types and places are of help, and no values.
		`Cannot query field "nothing" on type "Query".`:                    ``,
		`Unknown argument "x" on field "Query.user".`:                      ``,
		`Variable "$x" of type "Int" used in position expecting type "K".`: ``,
		`must be defined`: ``,
		`Unexpected single quote character ('), did you mean to use a double quote (")?`: ``,
	} {
		if want == "" {
			want = message
		}
		if got := redact(message); got != want {
			t.Errorf("%s: %s, want %s", message, got, want)
		}
	}
}
