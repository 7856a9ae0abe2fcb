package transport

import (
	"slices"
	"strings"
)

// lexed are the beginnings of the lexer's messages that go on with what it read, at times the rest of the
// document.
var lexed = []string{
	"Invalid character escape sequence", "Invalid character within String", "Invalid number",
	"Cannot contain the invalid character", "Cannot parse the unexpected character",
}

// redact takes out of a message of gqlparser's what it quotes of literals, tokens and variables: a client may
// have put a password where none belongs. What is wrong, names, types and places stay.
func redact(message string) string {
	for _, begin := range lexed {
		if strings.HasPrefix(message, begin) {
			return begin + "."
		}
	}
	if rest, ok := strings.CutPrefix(message, "Unexpected "); ok && !strings.HasPrefix(rest, "single quote") {
		return "Unexpected " + token(rest) + "."
	}
	if before, after, ok := strings.Cut(message, ", found "); ok && strings.HasPrefix(message, "Expected ") {
		return before + ", found " + token(after) + "."
	}
	if before, _, ok := strings.Cut(message, " value: "); ok && strings.Contains(before, " cannot represent ") {
		return before + " value."
	}
	if i := strings.LastIndex(message, `" does not exist in "`); i >= 0 && strings.HasPrefix(message, `Value "`) {
		return "The value" + message[i+1:]
	}
	if i := strings.LastIndex(message, " is not a valid "); i >= 0 {
		return "the value" + message[i:]
	}
	if i := strings.LastIndex(message, " as "); i >= 0 && strings.HasPrefix(message, "cannot use value ") {
		return "cannot use the value" + message[i:]
	}
	return message
}

var (
	tokenKinds  = []string{"Name", "Int", "Float", "String", "BlockString", "Comment"}
	punctuation = []string{"!", "$", "&", "(", ")", "...", ":", "=", "@", "[", "]", "{", "}", "|", "<EOF>", "<Invalid>"}
)

// token says what was found without its text: the kind of a token, or punctuation.
func token(found string) string {
	kind, _, _ := strings.Cut(found, ` "`)
	if slices.Contains(tokenKinds, kind) || slices.Contains(punctuation, kind) {
		return kind
	}
	return "something else"
}
