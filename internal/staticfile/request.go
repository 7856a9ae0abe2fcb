package staticfile

import (
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Matches reports whether lists of tags, the values of If-None-Match, contain a tag. Tags that a proxy has made weak count as well.
func Matches(lists []string, tag string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// acceptsGzip reads values of Accept-Encoding.
func acceptsGzip(values []string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if name, parameters, _ := strings.Cut(part, ";"); strings.EqualFold(strings.TrimSpace(name), "gzip") {
				return !refused(parameters)
			}
		}
	}
	return false
}

// refused reports whether the parameters of what a client names are a weight of 0.
func refused(parameters string) bool {
	name, value, ok := strings.Cut(strings.ReplaceAll(parameters, " ", ""), "=")
	weight, err := strconv.ParseFloat(value, 64)
	return ok && strings.EqualFold(name, "q") && err == nil && weight == 0
}

// AcceptsHTML reports whether a request names HTML among what it accepts, as browsers do when they go to a page.
func AcceptsHTML(r *http.Request) bool {
	for _, accept := range r.Header["Accept"] {
		for part := range strings.SplitSeq(accept, ",") {
			if name, _, err := mime.ParseMediaType(strings.TrimSpace(part)); err == nil && name == "text/html" {
				return true
			}
		}
	}
	return false
}

var plainHost = regexp.MustCompile(`^[A-Za-z0-9.:\-\[\]]+$`)

// ConnectSources returns the sources of connect-src in a content security policy that allow a page to connect to its own host. Websockets
// are named because not every browser counts them as 'self'.
func ConnectSources(host string) string {
	if !plainHost.MatchString(host) {
		return "'self'"
	}
	return "'self' ws://" + host + " wss://" + host
}
