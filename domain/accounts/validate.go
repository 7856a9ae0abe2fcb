package accounts

import (
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"roost/internal/errs"
)

// Limits of an account's fields; lengths are in code points unless they say otherwise.
const (
	MaxUsername    = 30 // ASCII characters
	MaxName        = 50
	MaxBio         = 160
	maxURL         = 200 // bytes
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
		return errs.New(errs.Required, "a username is needed", "input", "username")
	case len(s) > MaxUsername:
		return errs.New(errs.TooLong, "a username has at most 30 characters", "input", "username").Within(MaxUsername)
	case !usernamePattern.MatchString(s):
		return errs.New(errs.Invalid, "a username has ASCII letters, digits and underscores", "input", "username")
	}
	return nil
}

func checkEmail(s string) *errs.Error {
	if s == "" {
		return errs.New(errs.Required, "an email address is needed", "input", "email")
	}
	if len(s) > maxEmail {
		return errs.New(errs.TooLong, "an email address has at most 254 characters", "input", "email").Within(maxEmail)
	}
	at, err := mail.ParseAddress(s)
	if err != nil || at.Address != s || at.Name != "" || !printable(s, false) || strings.ContainsAny(s, "\" ") {
		return errs.New(errs.Invalid, "that is not an email address", "input", "email")
	}
	return nil
}

func checkPassword(s string, field string) *errs.Error {
	switch {
	case utf8.RuneCountInString(s) < MinPassword:
		return errs.New(errs.TooShort, "a password has at least 8 characters", "input", field).Within(MinPassword)
	case len(s) > maxPassword:
		return errs.New(errs.TooLong, "a password has at most 1,024 bytes", "input", field).Within(maxPassword)
	}
	return nil
}

func checkName(s string) *errs.Error {
	return checkText(s, "name", MaxName, true, false)
}

// checkText checks a text of one line, or of several.
func checkText(s, field string, most int, needed, lines bool) *errs.Error {
	switch {
	case needed && strings.TrimSpace(s) == "":
		return errs.New(errs.Required, "it must not be blank", "input", field)
	case utf8.RuneCountInString(s) > most:
		e := errs.Newf(errs.TooLong, "it has at most %d characters", most).Within(most)
		e.Path = []string{"input", field}
		return e
	case !printable(s, lines):
		return errs.New(errs.Invalid, "it holds characters that are not text", "input", field)
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

func checkWebsite(s string) *errs.Error {
	if len(s) > maxURL {
		return errs.New(errs.TooLong, "an address has at most 200 bytes", "input", "websiteUrl").Within(maxURL)
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || !printable(s, false) || strings.Contains(s, " ") {
		return errs.New(errs.Invalid, "that is not an http or https address", "input", "websiteUrl")
	}
	return nil
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
