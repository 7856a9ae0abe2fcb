package transport

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// Media types of answers.
const (
	mediaJSON    = "application/json; charset=utf-8"
	mediaGraphQL = "application/graphql-response+json; charset=utf-8"
	mediaEvents  = "text/event-stream; charset=utf-8"
)

// typeHeader returns the header of a media type.
func typeHeader(media string) []string {
	switch media {
	case mediaJSON:
		return jsonHeader
	case mediaGraphQL:
		return graphqlHeader
	case mediaEvents:
		return eventsHeader
	}
	return []string{media}
}

var jsonHeader, graphqlHeader, eventsHeader = []string{mediaJSON}, []string{mediaGraphQL}, []string{mediaEvents}

// negotiate picks the media type of the answer; ok is false when the client accepts none. Of equal
// weights the one named first wins; a wildcard means application/json, for clients of old.
func negotiate(r *http.Request) (media string, ok bool) {
	accepts := r.Header["Accept"]
	if len(accepts) == 0 {
		return mediaJSON, true
	}
	if len(accepts) == 1 {
		switch accepts[0] { // what most clients send
		case "*/*", "application/json":
			return mediaJSON, true
		case "application/graphql-response+json", "application/graphql-response+json, application/json",
			"application/graphql-response+json,application/json;q=0.9":
			return mediaGraphQL, true
		case "text/event-stream":
			return mediaEvents, true
		}
	}
	best := 0.0
	for part := range strings.SplitSeq(strings.Join(accepts, ","), ",") {
		name, params, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		weight := 1.0
		if q, err := strconv.ParseFloat(params["q"], 64); err == nil {
			weight = q
		}
		if weight <= best || !isUTF8(params["charset"]) {
			continue
		}
		switch name {
		case "application/graphql-response+json":
			media, best = mediaGraphQL, weight
		case "text/event-stream":
			media, best = mediaEvents, weight
		case "application/json", "application/*", "*/*":
			media, best = mediaJSON, weight
		}
	}
	return media, best > 0
}

// WantsEvents reports whether the answer to a request is to be a stream of Server-Sent Events.
func WantsEvents(r *http.Request) bool {
	for _, accept := range r.Header["Accept"] {
		if strings.Contains(accept, "event-stream") {
			media, _ := negotiate(r)
			return media == mediaEvents
		}
	}
	return false
}

// acceptsBody reports whether the request's body is JSON as we read it: UTF-8 and not compressed.
func acceptsBody(r *http.Request) bool {
	if kind := r.Header.Get("Content-Type"); kind != "application/json" { // which most clients send
		name, params, err := mime.ParseMediaType(kind)
		if err != nil || name != "application/json" || !isUTF8(params["charset"]) {
			return false
		}
	}
	encoding := r.Header.Get("Content-Encoding")
	return encoding == "" || strings.EqualFold(encoding, "identity")
}

func isUTF8(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}
