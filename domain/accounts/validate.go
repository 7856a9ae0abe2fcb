package accounts

import (
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"roost/internal/errs"
	"roost/internal/visible"
)

// Limits of an account's fields; lengths are in code points unless they say otherwise.
const (
	MaxUsername    = 30 // ASCII characters
	MaxName        = 50
	MaxBio         = 160
	maxURL         = 200 // bytes, also of the stored form
	maxEmail       = 254 // bytes, the longest address of RFC 5321
	MinPassword    = 8
	maxPassword    = 1024 // bytes
	maxDeviceName  = 100
	maxDeviceToken = 256 // bytes
	maxUserAgent   = 256 // bytes, longer ones are cut
)

var usernamePattern = regexp.MustCompile(`^[A-Za-z0-9_]{1,30}$`)

func checkUsername(s string) *errs.Error {
	switch {
	case s == "":
		return errs.New(errs.Required, "a username is needed", "username")
	case len(s) > MaxUsername:
		return errs.New(errs.TooLong, "a username has at most 30 characters", "username").Within(MaxUsername)
	case !usernamePattern.MatchString(s):
		return errs.New(errs.Invalid, "a username has ASCII letters, digits and underscores", "username")
	}
	return nil
}

func checkEmail(s string) *errs.Error {
	if s == "" {
		return errs.New(errs.Required, "an email address is needed", "email")
	}
	if len(s) > maxEmail {
		return errs.New(errs.TooLong, "an email address has at most 254 characters", "email").Within(maxEmail)
	}
	at, err := mail.ParseAddress(s)
	// With hidden characters, or controls of the writing direction, two addresses look alike.
	if err != nil || at.Address != s || at.Name != "" || !printable(s, false) || !visible.All(s) || strings.Contains(s, `"`) {
		return errs.New(errs.Invalid, "that is not an email address", "email")
	}
	return nil
}

func checkName(s string) *errs.Error {
	return checkText(s, "name", MaxName, true, false)
}

// checkText checks that a text has at most maxLength code points. If lines is true, it may have several lines. If needed is
// true, it must not be blank.
func checkText(s, field string, maxLength int, needed, lines bool) *errs.Error {
	switch {
	case needed && !visible.Any(s):
		return errs.New(errs.Required, "it must not be blank", field)
	case utf8.RuneCountInString(s) > maxLength:
		e := errs.Newf(errs.TooLong, "it has at most %d characters", maxLength).Within(maxLength)
		e.Path = []string{field}
		return e
	case !printable(s, lines):
		return errs.New(errs.Invalid, "it holds characters that are not text", field)
	}
	return nil
}

// printable reports whether s is text without control characters; line breaks are fine if lines.
func printable(s string, lines bool) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) && (!lines || (r != '\n' && r != '\r' && r != '\t')) {
			return false
		}
	}
	return true
}

// cut shortens s to at most n bytes at a code point.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func gather(all ...*errs.Error) error {
	var list errs.List
	for _, e := range all {
		if e != nil {
			list = append(list, e)
		}
	}
	return list.OrNil()
}
