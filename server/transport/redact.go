package transport

import (
	"slices"
	"strings"
)

// lexed holds the beginnings of those messages of the lexer that end with the text that it read, sometimes the rest of the
// document.
var lexed = []string{
	"Invalid character escape sequence", "Invalid character within String", "Invalid number",
	"Cannot contain the invalid character", "Cannot parse the unexpected character",
}

// redact removes from a message of gqlparser the literals, tokens and values of variables that it quotes, because a client may
// have put a password in the wrong place. The fault, names, types and paths stay.
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

// token describes a token without its text, by its kind; punctuation is returned as it is.
func token(found string) string {
	kind, _, _ := strings.Cut(found, ` "`)
	if slices.Contains(tokenKinds, kind) || slices.Contains(punctuation, kind) {
		return kind
	}
	return "something else"
}
