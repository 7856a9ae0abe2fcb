package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"roost/domain/imports"
	"roost/testkit/apitest"
)

// importing runs an import to its end.
func importing(t *testing.T, code int, args ...string) *process {
	t.Helper()
	p := start(t, nil, append([]string{"import"}, args...)...)
	if got := p.wait(t); got != code {
		t.Errorf("import %s: %d, want %d: %s", strings.Join(args, " "), got, code, p.stderr.String())
	}
	return p
}

// collapsed is a text without columns.
func collapsed(text string) string { return strings.Join(strings.Fields(text), " ") }

// An import is kept out of the data directory of a node that runs, and reports what it has done.
func TestImport(t *testing.T) {
	t.Parallel()
	files := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(files, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("users.tsv", "id\tusername\tname\n1\tann\tAnn\n2\tbob\tBob\n3\t\tNobody\n")
	write("follows.tsv", "follower_id\tfollowee_id\n1\t2\n")
	r := apitest.New(t, apitest.Embedded)
	dir := "--data-dir=" + r.Config.DataDir
	p := importing(t, 1, dir, files)
	inUse := fmt.Sprintf("%s is in use by pid %d; stop that roost", r.Config.DataDir, os.Getpid())
	if said := p.stderr.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, inUse) {
		t.Errorf("beside a running node: %s", said)
	}
	if n := apitest.Int(t, r.DB(t), "SELECT COUNT(*) FROM users"); n != 0 {
		t.Errorf("%d users came nevertheless", n)
	}
	r.Stop()
	p = importing(t, 0, dir, files)
	for _, want := range []string{
		"users.tsv 2 inserted, 0 there already, 1 bad", "follows.tsv 1 inserted, 0 there already, 0 bad", "users.tsv:4: ", "done in ",
	} {
		if !strings.Contains(collapsed(p.out.String()), want) {
			t.Errorf("no %q in\n%s", want, p.out.String())
		}
	}
	if !strings.Contains(p.stderr.String(), "gathering statistics") {
		t.Errorf("the last step is not shown: %q", p.stderr.String())
	}
	p = importing(t, 0, dir, "--password=correct horse", files)
	const again = "users.tsv imported before follows.tsv imported before 2 accounts of earlier imports got the password done in "
	if got := collapsed(p.out.String()); !strings.HasPrefix(got, again) {
		t.Errorf("again: %s", got)
	}
	back := apitest.Start(t, r.Config)
	const logIn = `mutation { logIn(input: {login: "ann", password: "correct horse", tokenDelivery: TOKEN}) { token } }`
	if res := back.Anonymous().Must(t, logIn, nil); res.String("logIn.token") == "" {
		t.Errorf("ann cannot sign in: %s", res.Data)
	}
	p = importing(t, 1, "--strict", "--data-dir="+filepath.Join(t.TempDir(), "new"), files)
	if !strings.Contains(p.stderr.String(), "roost: users.tsv:4: ") {
		t.Errorf("strict: %s", p.stderr.String())
	}
}

func TestImportThatWentOn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	printReport(&out, imports.Report{Files: []imports.FileReport{{Name: "users.tsv", Inserted: 5, Resumed: 20}}, BadTotal: 3,
		Bad: []imports.BadLine{{File: "users.tsv", Line: 7, Reason: "odd"}}})
	const want = "users.tsv 5 inserted, 0 there already, 0 bad; 20 lines were done before users.tsv:7: odd and 2 more bad lines done in 0s"
	if got := collapsed(out.String()); got != want {
		t.Error(got)
	}
}
