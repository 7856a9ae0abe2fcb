package events

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// payloadFile holds payloads of one type and version of event as the log stores them, one a line.
func payloadFile(e Event, version int) string {
	return filepath.Join("testdata", "payloads", fmt.Sprintf("%s.%d.json", e.Type(), version))
}

// payloadFaults are what is wrong with how this binary reads and writes payloads of an event.
func payloadFaults(e Event, version int, payloads []string) (faults []string) {
	unset := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(e)) {
		unset[f.Name] = f.IsExported() && !f.Anonymous
	}
	for _, payload := range payloads {
		read, err := decoders[e.Type()]([]byte(payload))
		if err != nil {
			return append(faults, fmt.Sprintf("%s is not readable: %v", payload, err))
		}
		if _, err := (Entry{Type: e.Type(), Version: version, Aggregate: read.Aggregate(), Payload: payload}).Event(); err != nil {
			faults = append(faults, fmt.Sprintf("%s is not readable: %v", payload, err))
		}
		for name := range unset {
			if !reflect.ValueOf(read).FieldByName(name).IsZero() {
				unset[name] = false
			}
		}
		written, err := json.Marshal(read)
		if err != nil {
			return append(faults, err.Error())
		}
		if version == e.PayloadVersion() && string(written) != payload {
			faults = append(faults, fmt.Sprintf("%s is written as %s now", payload, written))
		}
	}
	for name, missing := range unset {
		if missing && version == e.PayloadVersion() {
			faults = append(faults, fmt.Sprintf("no payload sets %s: add a line that does", name))
		}
	}
	return faults
}

// Every type of event, in every version that was ever written, has stored payloads in testdata/payloads: this binary reads them,
// and writes those of the newest version to the letter. A line of a release is never changed; a new field gets a new line.
func TestStoredPayloadsAreReadable(t *testing.T) {
	t.Parallel()
	files := map[string]bool{}
	for _, e := range All() {
		for version := 1; version <= e.PayloadVersion(); version++ {
			text, err := os.ReadFile(payloadFile(e, version))
			if err != nil {
				t.Errorf("the event %s has no stored payloads of version %d: %v", e.Type(), version, err)
				continue
			}
			files[payloadFile(e, version)] = true
			for _, fault := range payloadFaults(e, version, strings.Split(strings.TrimSpace(string(text)), "\n")) {
				t.Errorf("%s, version %d: %s", e.Type(), version, fault)
			}
		}
	}
	found, err := filepath.Glob(filepath.Join("testdata", "payloads", "*"))
	if err != nil || len(found) < len(files) {
		t.Fatalf("%d files of payloads, %v", len(found), err)
	}
	for _, file := range found {
		if !files[file] {
			t.Errorf("this binary cannot read the event of %s", file)
		}
	}
	// The comparison notices a field that got another name, and one that no line sets.
	for payload, want := range map[string]string{
		`{"UserID":1,"Version":2}`: "is written as",
		`{"UserID":1,"Ver":0}`:     "no payload sets Version",
		`{"UserID":"1","Ver":2}`:   "is not readable",
		`{"UserID":1,"Ver":2}`:     "",
	} {
		got := strings.Join(payloadFaults(ProfileUpdated{}, 1, []string{payload}), "; ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", payload, got, want)
		}
	}
}

// No reader of the log can read an event without a decoder, so none would repeat its invalidations. Every type with a method
// Type has a decoder.
func TestEveryEventIsDecoded(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			method, ok := decl.(*ast.FuncDecl)
			if !ok || method.Recv == nil || method.Name.Name != "Type" {
				continue
			}
			declared++
			event, ok := method.Recv.List[0].Type.(*ast.Ident)
			if !ok || decoders[event.Name] == nil {
				t.Errorf("%s declares the event %v, which has no decoder of its name in entry.go", name, method.Recv.List[0].Type)
			}
		}
	}
	if declared != len(All()) {
		t.Errorf("%d events are declared, and %d have decoders", declared, len(All()))
	}
}
