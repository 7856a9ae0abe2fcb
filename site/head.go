package site

import (
	"html"
	"net/url"
	"strings"
	"time"

	"roost/internal/entities"
)

// Lengths of what heads say, in characters. Search engines and previews show about as much.
const (
	titleLength       = 80 // of a text in a title
	nameLength        = 60
	descriptionLength = 200
)

// head is what the head of a page says. Empty fields are left out; empty kind and description are the site's.
type head struct {
	title, description string
	// path is the page's own address, escaped, without the host.
	path string
	kind string
	more []property
}

// property is an Open Graph property, besides those that all pages have.
type property struct{ name, content string }

func (s *Site) appendHead(b []byte, h head) []byte {
	title := oneLine(h.title)
	description := oneLine(h.description)
	if description == "" {
		description = "Timelines of short messages, live, on " + s.cfg.Title + "."
	}
	kind := h.kind
	if kind == "" {
		kind = "website"
	}
	b = append(b, "<title>"...)
	b = append(b, html.EscapeString(title)...)
	b = append(b, "</title>"...)
	b = appendMeta(b, "name", "description", description)
	if base := s.base(); base != "" && h.path != "" {
		b = append(b, "\n    <link rel=\"canonical\" href=\""...)
		b = append(b, html.EscapeString(base+h.path)...)
		b = append(b, "\" />"...)
		b = appendMeta(b, "property", "og:url", base+h.path)
	}
	b = appendMeta(b, "property", "og:site_name", oneLine(s.cfg.Title))
	b = appendMeta(b, "property", "og:type", kind)
	b = appendMeta(b, "property", "og:title", title)
	b = appendMeta(b, "property", "og:description", description)
	for _, p := range h.more {
		b = appendMeta(b, "property", p.name, oneLine(p.content))
	}
	b = appendMeta(b, "name", "twitter:card", "summary")
	b = appendMeta(b, "name", "twitter:title", title)
	return appendMeta(b, "name", "twitter:description", description)
}

func appendMeta(b []byte, attribute, name, content string) []byte {
	b = append(append(append(append(b, "\n    <meta "...), attribute...), `="`...), name...)
	b = append(append(b, `" content="`...), html.EscapeString(content)...)
	return append(b, `" />`...)
}

// base returns the scheme and host of the site without a slash at the end, empty if they are not known.
func (s *Site) base() string {
	if s.cfg.PublicURL == nil {
		return ""
	}
	return strings.TrimSuffix(s.cfg.PublicURL(), "/")
}

// title returns how a profile is called in a title: its name with the username, or the username alone.
func (p Profile) title() string {
	if name := cut(oneLine(p.Name), nameLength); name != "" {
		return name + " (@" + p.Username + ")"
	}
	return "@" + p.Username
}

func (p Profile) path() string { return "/@" + url.PathEscape(p.Username) }

// profileHead is the head of a profile, or of a part of it, such as followers.
func profileHead(p Profile, part string) head {
	h := head{title: p.title(), description: cut(oneLine(p.Bio), descriptionLength), path: p.path(), kind: "profile",
		more: []property{{"profile:username", p.Username}}}
	if part != "" {
		h.path += "/" + part
	}
	return h
}

func (s *Site) tweetHead(t Tweet) head {
	name := cut(oneLine(t.Author.Name), nameLength)
	if name == "" {
		name = "@" + t.Author.Username
	}
	text := oneLine(t.Text)
	h := head{title: name + `: "` + cut(text, titleLength) + `"`, description: cut(text, descriptionLength),
		path: "/tweets/" + url.PathEscape(t.ID), kind: "article",
		more: []property{{"article:published_time", t.CreatedAt.UTC().Format(time.RFC3339)}}}
	if base := s.base(); base != "" {
		h.more = append(h.more, property{"article:author", base + t.Author.path()})
	}
	return h
}

// maxHashtag is the most bytes of a hashtag in a path. One of a tweet is no longer than the tweet, 280 characters.
const maxHashtag = 4 * 280

// hashtagHead is the head of a hashtag, with or without its sign; ok is false for a name that no hashtag can have. Nothing is read for it,
// so a page does not repeat any text that somebody puts into a link.
func hashtagHead(name string) (h head, ok bool) {
	name = strings.TrimPrefix(name, "#")
	if len(name) > maxHashtag {
		return h, false
	}
	found := entities.Find("#" + name)
	if len(found) != 1 || found[0].Kind != entities.Hashtag || found[0].Name != name {
		return h, false
	}
	tag := "#" + cut(oneLine(name), nameLength)
	return head{title: tag, description: "Tweets with " + tag + ", the newest first.", path: "/hashtags/" + url.PathEscape(name)}, true
}
