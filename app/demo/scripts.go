package demo

import (
	"embed"
	"fmt"
	"strings"
)

// texts are what people say: conversations and single tweets for the world, and conversations for Life.
//
//go:embed texts/*.txt
var texts embed.FS

// script is a conversation, or a single tweet. Its first line answers nobody.
type script struct {
	lines []line
	// hot scripts begin with a tweet that everybody notices.
	hot bool
}

// line is a tweet of a script. author is an index of people; parent is the line that it answers, -1 for none.
type line struct {
	author, parent int
	text           string
}

// scripts reads a file of texts. A file with a mistake is a mistake of the program.
func scripts(name string) []script {
	content, err := texts.ReadFile("texts/" + name)
	if err != nil {
		panic(err)
	}
	all, err := parse(string(content))
	if err != nil {
		panic(fmt.Sprintf("texts/%s: %v", name, err))
	}
	return all
}

// parse reads scripts. A line has the form "name: text"; before it are as many dashes as there are tweets above it in the conversation. A
// line without one begins the next script, with a star before it a hot one. Blank lines, and those that begin with #, are left out.
func parse(content string) (all []script, err error) {
	number := make(map[string]int, len(people))
	for i, p := range people {
		number[p.username] = i
	}
	var above []int // the last line of each depth
	for i, text := range strings.Split(content, "\n") {
		if text == "" || text[0] == '#' {
			continue
		}
		fail := func(why string) ([]script, error) { return nil, fmt.Errorf("line %d %s", i+1, why) }
		said := strings.TrimLeft(text, "- ")
		depth := strings.Count(text[:len(text)-len(said)], "-")
		said, hot := strings.CutPrefix(said, "* ")
		name, said, ok := strings.Cut(said, ": ")
		author, exists := number[name]
		switch {
		case !ok || !exists:
			return fail("is by none of the people")
		case depth > len(above), hot && depth > 0:
			return fail("answers nothing")
		case depth == 0:
			all, above = append(all, script{hot: hot}), nil
		}
		s, parent := &all[len(all)-1], -1
		if depth > 0 {
			parent = above[depth-1]
		}
		above = append(above[:depth], len(s.lines))
		s.lines = append(s.lines, line{author, parent, said})
	}
	return all, nil
}
