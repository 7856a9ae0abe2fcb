package apiguide

import (
	"bytes"
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

var (
	comments = regexp.MustCompile(`(?s)<!--.*?-->\n*`)
	// links finds links to other pages: their text, their file, their anchor.
	links = regexp.MustCompile(`\[([^\]]*)\]\(([a-z-]+\.md)(#[^)]*)?\)`)
)

// engine turns Markdown into HTML. It leaves HTML out, of which the pages have none.
var engine = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.Table),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(blocks{}, 100))),
	)
})

// view is the data of page.html.
type view struct {
	Title    string
	Here     Page
	Pages    []Page
	Sections []section
	Content  template.HTML
	// Before and After are the neighbours; nil at the ends.
	Before, After *Page
	Markdown      string
	Schema        bool
}

// section is a heading of the second level.
type section struct{ ID, Title string }

// render returns the HTML of a page.
func (g *Guide) render(i int) []byte {
	page := g.pages[i]
	source := []byte(g.markdown(page.Name))
	doc := engine().Parser().Parse(text.NewReader(source))
	v := view{Title: "Roost API", Here: page, Pages: g.pages, Markdown: "/docs/" + page.Name + ".md", Schema: g.has(Reference + ".md")}
	if page.Name != "index" {
		v.Title = page.Title + " - Roost API"
	}
	if i > 0 {
		v.Before = &g.pages[i-1]
	}
	if i+1 < len(g.pages) {
		v.After = &g.pages[i+1]
	}
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the function returns no error
		switch n := n.(type) {
		case *ast.Link:
			if entering {
				n.Destination = []byte(served(string(n.Destination)))
			}
		case *ast.Heading:
			if id, ok := n.AttributeString("id"); ok && entering && n.Level == 2 {
				v.Sections = append(v.Sections, section{string(id.([]byte)), words(n, source)})
			}
		}
		return ast.WalkContinue, nil
	})
	var content, out bytes.Buffer
	if err := engine().Renderer().Render(&content, source, doc); err != nil {
		panic(fmt.Sprintf("apiguide: %s: %v", page.Name, err)) // the pages are part of the program, and a test renders each
	}
	v.Content = template.HTML(content.String())
	if err := layout().Execute(&out, v); err != nil {
		panic(fmt.Sprintf("apiguide: %s: %v", page.Name, err))
	}
	return out.Bytes()
}

var layout = sync.OnceValue(func() *template.Template { return template.Must(template.ParseFS(files, "page.html")) })

// served returns the address on a node of what a page links to in the repository.
func served(to string) string {
	file, anchor, _ := strings.Cut(to, "#")
	name, ok := strings.CutSuffix(file, ".md")
	if !ok || strings.Contains(file, "/") {
		return to
	}
	at := Page{Name: name}.URL()
	if anchor != "" {
		at += "#" + anchor
	}
	return at
}

// words returns the text below a node.
func words(n ast.Node, source []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(source))
		} else {
			b.WriteString(words(c, source))
		}
	}
	return b.String()
}

// blocks renders headings, with a link to themselves, and fenced blocks, with their caption.
type blocks struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (blocks) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindHeading, heading)
	r.Register(ast.KindFencedCodeBlock, fenced)
}

func heading(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	h := n.(*ast.Heading)
	id, _ := h.AttributeString("id")
	if entering {
		_, err := fmt.Fprintf(w, "<h%d id=\"%s\">", h.Level, id)
		return ast.WalkContinue, err
	}
	link := ""
	if h.Level > 1 {
		link = fmt.Sprintf(` <a class="anchor" href="#%s" aria-label="Link to this section">#</a>`, id)
	}
	_, err := fmt.Fprintf(w, "%s</h%d>\n", link, h.Level)
	return ast.WalkContinue, err
}

// captions name what the blocks of an example are, by what follows their fence. Other blocks are named by their language.
var captions = map[string]string{
	"json variables": "Variables", "json answer": "Answer", "json event": "Event", "json sends": "Client sends",
	"json receives": "Client receives", "http answer": "Answer", "http stream": "Answer, as long as it lasts",
	"graphql": "GraphQL", "sh": "Shell", "ts": "TypeScript", "go": "Go", "json": "JSON",
}

// fenced renders a block of code. Its scrolling part takes the focus, so that keys scroll it.
func fenced(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	block := n.(*ast.FencedCodeBlock)
	info := ""
	if block.Info != nil {
		info = string(block.Info.Segment.Value(source))
	}
	language, detail, _ := strings.Cut(info, " ")
	caption, ok := captions[info]
	switch {
	case !ok && detail != "":
		caption = detail
	case !ok:
		caption = language
	}
	kind := "ask"
	if strings.HasSuffix(info, " answer") || strings.HasSuffix(info, " event") || strings.HasSuffix(info, " receives") ||
		strings.HasSuffix(info, " stream") {
		kind = "answer"
	}
	var code strings.Builder
	for i := range block.Lines().Len() {
		line := block.Lines().At(i)
		code.Write(line.Value(source))
	}
	_, err := fmt.Fprintf(w, "<figure class=\"code %s\"><figcaption>%s</figcaption><pre tabindex=\"0\"><code>%s</code></pre></figure>\n",
		kind, template.HTMLEscapeString(caption), highlight(language, code.String()))
	return ast.WalkSkipChildren, err
}
