package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"roost/server/transport"
)

// PersistedDocument is a GraphQL document that clients may name by an identifier instead of sending it.
type PersistedDocument struct {
	// ID is an identifier as transport.CheckDocumentID wants it. The identifier `sha256:HASH` always works, too.
	ID   string
	Text string
}

// operationNames finds the names of a document's operations, well enough for messages.
var operationNames = regexp.MustCompile(`(?:query|mutation|subscription)\s+([_A-Za-z]\w*)`)

// String returns the identifier, with the names of the document's operations.
func (d PersistedDocument) String() string {
	var names []string
	for _, m := range operationNames.FindAllStringSubmatch(d.Text, 5) {
		names = append(names, m[1])
	}
	if names == nil {
		return fmt.Sprintf("%.100q", d.ID)
	}
	return fmt.Sprintf("%.100q (%s)", d.ID, strings.Join(names, ", "))
}

// ParseManifest reads a manifest of persisted documents. There are two formats: an object that has the text of each document under its
// identifier, as GraphQL Code Generator and the Relay compiler write it, and Apollo's `apollo-persisted-query-manifest`. An identifier
// of 64 hexadecimal digits, with or without `sha256:` in front, must be the SHA-256 of the text. The error names the document.
func ParseManifest(raw []byte) ([]PersistedDocument, error) {
	var apollo struct {
		Format     string `json:"format"`
		Version    int    `json:"version"`
		Operations []struct{ ID, Body string }
	}
	var list []PersistedDocument
	if json.Unmarshal(raw, &apollo) == nil && apollo.Operations != nil {
		if apollo.Format != "apollo-persisted-query-manifest" || apollo.Version != 1 {
			return nil, errors.New("it is no `apollo-persisted-query-manifest` of version 1")
		}
		for _, op := range apollo.Operations {
			list = append(list, PersistedDocument{ID: op.ID, Text: op.Body})
		}
	} else {
		var err error
		if list, err = parseTexts(raw); err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		return nil, errors.New("it has no documents")
	}
	texts := map[string]string{}
	for _, d := range list {
		if err := d.check(); err != nil {
			return nil, fmt.Errorf("the document %s: %w", d, err)
		}
		if text, ok := texts[d.ID]; ok && text != d.Text {
			return nil, fmt.Errorf("the document %s: there is another document with this id", d)
		}
		texts[d.ID] = d.Text
	}
	return list, nil
}

// parseTexts reads an object whose values are texts, in its order.
func parseTexts(raw []byte) (list []PersistedDocument, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("it is no JSON object with the text of each document under its hash")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("it is no JSON: %w", err)
		}
		id, _ := key.(string)
		var text *string
		if err := d.Decode(&text); err != nil || text == nil {
			return nil, fmt.Errorf("the document %.100q is no text", id)
		}
		list = append(list, PersistedDocument{ID: id, Text: *text})
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("it is no JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows its JSON object")
	}
	return list, nil
}

func (d PersistedDocument) check() error {
	if err := transport.CheckDocumentID(d.ID); err != nil {
		return errors.New(strings.ReplaceAll(err.Message, "`documentId`", "its id"))
	}
	if err := transport.CheckText(d.Text); err != nil {
		return errors.New(err.Message)
	}
	hash := strings.TrimPrefix(d.ID, transport.SHA256Prefix)
	if !looksLikeHash.MatchString(hash) {
		return nil
	}
	if sum := sha256.Sum256([]byte(d.Text)); hash != hex.EncodeToString(sum[:]) {
		return fmt.Errorf("its id is not the SHA-256 of its text, which is %x", sum)
	}
	return nil
}

var looksLikeHash = regexp.MustCompile(`^[0-9a-f]{64}$`)
