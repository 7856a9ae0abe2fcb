package accounts

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn/frequency"
	"golang.org/x/text/secure/precis"

	"roost/internal/errs"
)

// commonest are the passwords of the 30,000 that people choose most, by the list of zxcvbn, that are long enough
// here: some 11,600, in lower case.
var commonest = sync.OnceValue(func() map[string]struct{} {
	all := map[string]struct{}{}
	for _, p := range frequency.FrequencyLists["passwords"] {
		if utf8.RuneCountInString(p) >= MinPassword {
			all[strings.ToLower(p)] = struct{}{}
		}
	}
	return all
})

// checkPassword gives the form in which a new password is hashed, by the profile OpaqueString of RFC 8265: keyboards and
// systems write the same characters in several ways. What that profile refuses, above all hidden characters, could not
// be typed again elsewhere.
func checkPassword(s string, field string) (string, *errs.Error) {
	short := errs.New(errs.TooShort, "a password has at least 8 characters", "input", field)
	long := errs.New(errs.TooLong, "a password has at most 1,024 bytes", "input", field)
	if utf8.RuneCountInString(s) < MinPassword {
		return "", short
	}
	if len(s) > maxPassword {
		return "", long
	}
	normal, err := precis.OpaqueString.String(s)
	if err != nil {
		return "", errs.New(errs.Invalid, "a password holds no control characters and none that do not show", "input", field)
	}
	if utf8.RuneCountInString(normal) < MinPassword {
		return "", short
	}
	if len(normal) > maxPassword {
		return "", long
	}
	if _, common := commonest()[strings.ToLower(normal)]; common {
		return "", errs.New(errs.Invalid, "this password is among the commonest, which are tried first; choose another", "input", field)
	}
	return normal, nil
}

// formsOf are what may have been hashed of a password that was typed: its normal form, and for as long as an account
// keeps a password from before passwords were normalized, what was typed. They mostly are the same.
func formsOf(typed string) []string {
	if len(typed) > maxPassword {
		return []string{typed[:maxPassword] + "x"} // as long as can be, and never right
	}
	normal, err := precis.OpaqueString.String(typed)
	if err != nil || normal == typed {
		return []string{typed}
	}
	return []string{normal, typed}
}
