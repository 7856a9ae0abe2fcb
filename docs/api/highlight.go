package apiguide

import (
	"html/template"
	"regexp"
	"strings"
	"sync"
)

// tokens finds what is marked in a text of a language: a comment, a string, or a word.
var tokens = sync.OnceValue(func() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"graphql": regexp.MustCompile(`(#[^\n]*)|("(?:[^"\\\n]|\\.)*")|([$@]?\b?[A-Za-z_]\w*)`),
		"json":    regexp.MustCompile(`(\x00)|("(?:[^"\\\n]|\\.)*")|([a-z]+)`),
		"ts":      regexp.MustCompile("(//[^\n]*|/\\*(?s:.*?)\\*/)|(\"(?:[^\"\\\\\n]|\\\\.)*\"|`[^`]*`)|([A-Za-z_$][\\w$]*)"),
		"go":      regexp.MustCompile("(//[^\n]*)|(\"(?:[^\"\\\\\n]|\\\\.)*\"|`[^`]*`)|([A-Za-z_]\\w*)"),
		"sh":      regexp.MustCompile(`(#[^\n]*)|("(?:[^"\\]|\\.)*"|'[^']*')|([a-z]+)`),
	}
})

// keywords are marked, where they are words of their language.
var keywords = map[string]string{
	"graphql": " query mutation subscription fragment on true false null ",
	"json":    " true false null ",
	"ts": " import export from const let async await function return if else for of new type interface class extends readonly throw try " +
		"catch finally while true false null undefined as ",
	"go": " package import func return if else for range var const type struct defer go select case switch map nil true false chan error " +
		"string ",
	"sh": " curl npm go npx export ",
}

// highlight returns code as HTML, with its comments, strings and keywords marked.
func highlight(language, code string) string {
	pattern := tokens()[language]
	if pattern == nil {
		return template.HTMLEscapeString(code)
	}
	var b strings.Builder
	at := 0
	for _, m := range pattern.FindAllStringSubmatchIndex(code, -1) {
		class, token := "", code[m[0]:m[1]]
		switch {
		case m[2] >= 0:
			class = "c"
		case m[4] >= 0 && language == "json" && strings.HasPrefix(code[m[1]:], ":"):
			class = "n" // the name of a member
		case m[4] >= 0:
			class = "s"
		case strings.HasPrefix(token, "$") && language == "graphql":
			class = "v"
		case strings.Contains(keywords[language], " "+token+" "):
			class = "k"
		}
		if class == "" {
			continue
		}
		b.WriteString(template.HTMLEscapeString(code[at:m[0]]))
		b.WriteString(`<span class="` + class + `">` + template.HTMLEscapeString(token) + `</span>`)
		at = m[1]
	}
	b.WriteString(template.HTMLEscapeString(code[at:]))
	return b.String()
}
