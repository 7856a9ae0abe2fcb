package apiguide

import (
	"embed"
	"path"
	"strings"
	"sync"
)

//go:embed *.md page.html style.css
var files embed.FS

// Reference is the name of the page that has the whole schema.
const Reference = "reference"

// Page is a page of the guide.
type Page struct {
	// Name is the name of the page's file, without .md.
	Name string
	// Title is the page's name in lists of pages.
	Title string
	// Summary is one sentence about what the page is for.
	Summary string
}

// URL is the path of the page on a node.
func (p Page) URL() string {
	if p.Name == "index" {
		return "/docs"
	}
	return "/docs/" + p.Name
}

// Pages returns all pages in the order in which they are read.
func Pages() []Page {
	return []Page{
		{"index", "Start here", "What Roost is, a first query with curl, and how to read the examples."},
		{"signing-in", "Signing in", "Accounts, cookies and keys, sessions on several devices, and what ends them."},
		{"reading", "Reading", "Queries, paging with cursors, timelines, threads, hashtags, search, and how fresh an answer is."},
		{"writing", "Writing", "Mutations, their refusals, and how to repeat them without doing them twice."},
		{"errors", "Errors", "Every code of a refusal, of a failed operation and of a closed connection, and what to do about it."},
		{"live", "Live updates", "Subscriptions over websockets and Server-Sent Events, and how to continue after a lost connection."},
		{"limits", "Limits and budgets", "How much one may send, ask for and spend, and what happens beyond that."},
		{"clients", "Clients", "Recipes for five clients, from a plain fetch to normalized caches."},
		{Reference, "Reference", "Every type, field, argument and value of the schema."},
	}
}

// Source returns the Markdown of a page as the repository has it, empty if there is no such page.
func Source(name string) string {
	text, _ := files.ReadFile(name + ".md")
	return string(text)
}

// File is something that a node serves.
type File struct {
	// Type is the media type.
	Type    string
	Content []byte
}

// Guide is the guide as one node serves it.
type Guide struct {
	pages []Page
	files map[string]func() File
}

// New returns the guide, with or without the page that shows the schema.
func New(withReference bool) *Guide {
	g := &Guide{files: map[string]func() File{}}
	for _, p := range Pages() {
		if p.Name != Reference || withReference {
			g.pages = append(g.pages, p)
		}
	}
	for i, p := range g.pages {
		g.files[p.URL()] = sync.OnceValue(func() File { return File{"text/html; charset=utf-8", g.render(i)} })
		g.files["/docs/"+p.Name+".md"] = func() File { return File{"text/markdown; charset=utf-8", []byte(g.markdown(p.Name))} }
	}
	g.files["/docs/style.css"] = func() File {
		text, _ := files.ReadFile("style.css")
		return File{"text/css; charset=utf-8", text}
	}
	g.files["/llms.txt"] = func() File { return File{"text/plain; charset=utf-8", []byte(g.llms())} }
	return g
}

// Paths returns the paths of all files.
func (g *Guide) Paths() []string {
	out := make([]string, 0, len(g.files))
	for at := range g.files {
		out = append(out, at)
	}
	return out
}

// File returns what is served at a path, and whether there is anything. The first call for a page renders it.
func (g *Guide) File(at string) (File, bool) {
	file, ok := g.files[at]
	if !ok {
		return File{}, false
	}
	return file(), true
}

// has reports whether a link to a file of this folder leads somewhere on this node.
func (g *Guide) has(file string) bool {
	_, ok := g.files["/docs/"+path.Base(file)]
	return ok
}

// markdown returns the text of a page for readers: without the comments that are for the test of the examples, and without links to a
// page that this node does not have.
func (g *Guide) markdown(name string) string {
	text := comments.ReplaceAllString(Source(name), "")
	return links.ReplaceAllStringFunc(text, func(link string) string {
		part := links.FindStringSubmatch(link)
		if g.has(part[2]) {
			return link
		}
		return part[1]
	})
}

// llms returns the list of pages in the form of llmstxt.org.
func (g *Guide) llms() string {
	var b strings.Builder
	b.WriteString("# Roost\n\n> Roost is a GraphQL backend for social timelines: accounts, sessions, follows, tweets, replies, retweets, " +
		"reactions, search, home timelines and live updates behind one typed API at /graphql.\n\n" +
		"The pages are Markdown. A test runs every example on them against a started server.\n\n## Guide\n\n")
	for _, p := range g.pages {
		if p.Name != Reference {
			b.WriteString("- [" + p.Title + "](/docs/" + p.Name + ".md): " + p.Summary + "\n")
		}
	}
	if g.has(Reference + ".md") {
		b.WriteString("\n## Reference\n\n- [Reference](/docs/reference.md): every type, field, argument and value of the schema\n" +
			"- [Schema](/schema.graphqls): the same in GraphQL's schema language\n")
	}
	return b.String()
}
