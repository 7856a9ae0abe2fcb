package api

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A page of the guide is a sequence of steps: blocks between fences, and comments, which readers do not see.
//
//	<!-- as: junko -->              the next operations are junko's; `nobody` has no session, `<key>` is a key from an answer
//	<!-- run: mutation { … } -->    an operation that must succeed, and is not shown
//	<!-- socket -->                 opens a websocket for the messages of the next blocks
//	<!-- closed: 4403 -->           the server closes that websocket, with this code
//	<!-- indexed -->                waits until searches find the world
//	<!-- spend: { … } -->           repeats an operation until the budget is spent
type step struct {
	// kind is the info string of a block, or the first word of a comment.
	kind string
	text string
	line int
}

// isComment reports whether the step is a comment of the page.
func (s step) isComment() bool {
	return slices.Contains([]string{"as", "run", "socket", "closed", "indexed", "spend"}, s.kind)
}

// answers are the kinds of blocks that show what a server says.
var answers = []string{"json answer", "http answer", "http stream", "json event", "json receives"}

// blockKinds are all kinds of blocks. Those that begin with a language of sources have the name of a file behind it.
var blockKinds = append([]string{"graphql", "json variables", "json sends", "sh"}, answers...)

var (
	comment = regexp.MustCompile(`(?s)^<!-- ?(\w+):? ?(.*?) ?-->$`)
	source  = regexp.MustCompile(`^(ts|go) ([\w./-]+)$`)
)

// stepsOf reads a page. Each fault of its form is a line.
func stepsOf(text string) (steps []step, faults []string) {
	fault := func(line int, format string, args ...any) {
		faults = append(faults, fmt.Sprintf("line %d: ", line)+fmt.Sprintf(format, args...))
	}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		at := i + 1
		switch {
		case strings.HasPrefix(lines[i], "<!--"):
			whole := lines[i]
			for !strings.HasSuffix(whole, "-->") && i+1 < len(lines) {
				i++
				whole += "\n" + lines[i]
			}
			m := comment.FindStringSubmatch(whole)
			if m != nil && (step{kind: m[1]}).isComment() {
				steps = append(steps, step{m[1], m[2], at})
			} else if !strings.HasPrefix(whole, "<!-- Generated") {
				fault(at, "%s is no step", whole)
			}
		case strings.HasPrefix(lines[i], "```"):
			kind := strings.TrimPrefix(lines[i], "```")
			var block []string
			for i++; i < len(lines) && lines[i] != "```"; i++ {
				block = append(block, lines[i])
			}
			if i == len(lines) {
				fault(at, "the block has no end")
			}
			if !slices.Contains(blockKinds, kind) && !source.MatchString(kind) {
				fault(at, "%q is no kind of block", kind)
			}
			steps = append(steps, step{kind, strings.Join(block, "\n"), at})
		case strings.Contains(lines[i], "```"):
			fault(at, "a fence does not begin its line")
		}
	}
	return steps, append(faults, incomplete(steps)...)
}

// incomplete says which examples have no answer, and which answers have no example.
func incomplete(steps []step) (faults []string) {
	open := 0 // the line of the question that waits for its answer
	subscribed := false
	fault := func(line int, what string) { faults = append(faults, fmt.Sprintf("line %d: %s", line, what)) }
	for _, s := range steps {
		if s.isComment() {
			continue
		}
		asks := s.kind == "graphql" || s.kind == "json sends" || s.kind == "sh" && strings.Contains(s.text, "curl ")
		if asks && open > 0 && s.kind != "json sends" {
			fault(open, "the example has no answer")
		}
		switch {
		case s.kind == "graphql" && strings.HasPrefix(s.text, "subscription"), s.kind == "sh" && strings.Contains(s.text, "curl -N"):
			subscribed, open = true, 0 // its events may come after other examples
		case asks:
			open = s.line
		case s.kind == "json event" || s.kind == "http stream":
			if !subscribed {
				fault(s.line, "an event without a subscription")
			}
		case slices.Contains(answers, s.kind):
			open = 0
		}
	}
	if open > 0 {
		fault(open, "the example has no answer")
	}
	if subscribed && !slices.ContainsFunc(steps, func(s step) bool { return s.kind == "json event" || s.kind == "http stream" }) {
		fault(steps[0].line, "a subscription has no event")
	}
	return faults
}

// commands returns the commands of a block for a shell, each as words. Quotes and continued lines are all that it reads of the shell's
// language.
func commands(text string) (out [][]string, err error) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	var words []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	end := func() {
		if inWord {
			words = append(words, word.String())
		}
		word.Reset()
		inWord = false
	}
	comment := false
	for _, r := range text + "\n" {
		switch {
		case comment && r != '\n':
		case quote != 0 && r == quote:
			quote = 0
		case quote == '"' && (r == '$' || r == '`' || r == '\\'):
			return nil, fmt.Errorf("%q inside of double quotes is not read here", r)
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == '#' && !inWord:
			comment = true
		case r == '\n':
			comment = false
			if end(); len(words) > 0 {
				out, words = append(out, words), nil
			}
		case r == ' ':
			end()
		case strings.ContainsRune("$`\\|&;<>(){}*?", r):
			return nil, fmt.Errorf("%q outside of quotes is not read here", r)
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is not closed")
	}
	return out, nil
}
