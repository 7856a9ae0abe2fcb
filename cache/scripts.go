package cache

import (
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"fmt"
)

// Each file is a verb of the protocol, except entry.lua, which begins every script.
//
//go:embed scripts/*.lua
var scriptFiles embed.FS

// script is one verb. It works on one key.
type script struct{ text, sha string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text))
	return script{text: text, sha: hex.EncodeToString(sum[:])}
}

// scripts are the verbs of the protocol.
type scripts struct{ lease, fill, invalidate, intend, release script }

// loadScripts reads the verbs. If edit is not nil, it is applied to every text; tests break the scripts with it.
func loadScripts(edit func(name, text string) string) (scripts, error) {
	var failed error
	read := func(name string) string {
		b, err := scriptFiles.ReadFile("scripts/" + name + ".lua")
		if err != nil {
			failed = fmt.Errorf("embedded script: %w", err)
		}
		if edit != nil {
			return edit(name, string(b))
		}
		return string(b)
	}
	entry := read("entry")
	verb := func(name string) script { return newScript(entry + read(name)) }
	s := scripts{
		lease: verb("lease"), fill: verb("fill"), invalidate: verb("invalidate"),
		intend: verb("intend"), release: verb("release"),
	}
	return s, failed
}
