package accounts

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn/frequency"
	"golang.org/x/text/secure/precis"

	"roost/internal/errs"
)

// commonest contains, in lower case, some 11,600 common passwords: those in zxcvbn's list of the 30,000 most common passwords
// that are long enough to be chosen here.
var commonest = sync.OnceValue(func() map[string]struct{} {
	all := map[string]struct{}{}
	for _, p := range frequency.FrequencyLists["passwords"] {
		if utf8.RuneCountInString(p) >= MinPassword {
			all[strings.ToLower(p)] = struct{}{}
		}
	}
	return all
})

// checkPassword returns the form in which a new password is hashed. Keyboards and systems write the same characters in
// several ways, and the profile OpaqueString of RFC 8265 makes these equal. checkPassword refuses a password that could not
// be typed again on another device, above all one with hidden characters.
func checkPassword(s string, field string) (string, *errs.Error) {
	short := errs.New(errs.TooShort, "a password has at least 8 characters", field).Within(MinPassword)
	long := errs.New(errs.TooLong, "a password has at most 1,024 bytes", field).Within(maxPassword)
	if utf8.RuneCountInString(s) < MinPassword {
		return "", short
	}
	if len(s) > maxPassword {
		return "", long
	}
	normal, err := precis.OpaqueString.String(s)
	if err != nil {
		return "", errs.New(errs.Invalid, "a password must not contain control characters or invisible ones", field)
	}
	if utf8.RuneCountInString(normal) < MinPassword {
		return "", short
	}
	if len(normal) > maxPassword {
		return "", long
	}
	if _, common := commonest()[strings.ToLower(normal)]; common {
		return "", errs.New(errs.Invalid, "attackers try this password first, as it is very common; choose another", field)
	}
	return normal, nil
}

// formsOf returns the forms in which a typed password may have been hashed: its normal form, then the form that was typed. The
// second is for accounts whose password dates from before passwords were normalized; they can sign in without a time limit.
// The second form costs a hash only when the two differ.
func formsOf(typed string) []string {
	if len(typed) > maxPassword {
		return []string{typed[:maxPassword] + "x"} // costs as much as the longest, and is never right
	}
	normal, err := precis.OpaqueString.String(typed)
	if err != nil || normal == typed {
		return []string{typed}
	}
	return []string{normal, typed}
}
