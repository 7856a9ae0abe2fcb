package migrations

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// noTx makes goose run the statements of a file one by one.
const noTx = "-- +goose NO TRANSACTION"

// sayFrom is the first migration that says what it means for older binaries.
const sayFrom = 5

// stops are the migrations before which all nodes stop: no binary without one of them serves the schema after it.
var stops = map[int]bool{8: true} // made before the first release

var (
	mark   = regexp.MustCompile(`(?m)^-- roost: (expand|contract|stop)$`)
	raises = regexp.MustCompile(`(?i)UPDATE schema_compatibility SET oldest = (\d+)`)
	takes  = regexp.MustCompile(`(?i)\b(DROP (TABLE|COLUMN|CONSTRAINT|FUNCTION|DEFAULT)|RENAME|SET NOT NULL|ADD CONSTRAINT|` +
		`ALTER COLUMN \w+ (SET DATA )?TYPE)\b`)
	makes    = regexp.MustCompile(`(?i)CREATE TABLE (?:IF NOT EXISTS )?(\w+)`)
	indexes  = regexp.MustCompile(`(?i)CREATE (?:UNIQUE )?INDEX (CONCURRENTLY )?(?:IF NOT EXISTS )?(\w+) ON (\w+)`)
	comments = regexp.MustCompile(`(?m)^\s*--.*$`)
)

// fileFaults are what is wrong with a migration for a site that is in use.
func fileFaults(version int, text string) (faults []string) {
	body := comments.ReplaceAllString(text, "")
	own := map[string]bool{}
	for _, m := range makes.FindAllStringSubmatch(body, -1) {
		own[m[1]] = true
	}
	for _, m := range indexes.FindAllStringSubmatch(body, -1) {
		switch concurrently, index, table := m[1] != "", m[2], m[3]; {
		case own[table]: // nobody writes to it yet
		case !concurrently:
			faults = append(faults, "the index "+index+" is made while nobody can write to "+table+": say CONCURRENTLY, without a transaction")
		case !strings.Contains(text, noTx) || !strings.Contains(body, "SET lock_timeout = 0;"):
			faults = append(faults, "the index "+index+` needs "`+noTx+`" and "SET lock_timeout = 0;"`)
		case !strings.Contains(body, "DROP INDEX CONCURRENTLY IF EXISTS "+index):
			faults = append(faults, "the index "+index+" may be there and not valid, from a try that failed: drop it first")
		}
	}
	if version < sayFrom {
		return faults
	}
	said, raised := mark.FindAllStringSubmatch(text, -1), raises.FindStringSubmatch(body)
	switch {
	case len(said) != 1:
		faults = append(faults, `say "-- roost: expand" if binaries without this migration serve the schema after it, else "-- roost: contract"`)
	case said[0][1] == "stop" && !stops[version]:
		faults = append(faults, "all nodes would have to stop; expand now and take away a release later")
	case said[0][1] == "stop":
		if raised == nil || raised[1] != strconv.Itoa(version) {
			faults = append(faults, "refuse the binaries without it: "+fmt.Sprintf("UPDATE schema_compatibility SET oldest = %d", version))
		}
	case said[0][1] == "expand" && takes.MatchString(body):
		faults = append(faults, "it takes something away that older binaries may use: "+takes.FindString(body))
	case said[0][1] == "expand" && raised != nil:
		faults = append(faults, "it says expand, and refuses older binaries")
	case said[0][1] == "contract" && raised == nil:
		faults = append(faults, `say which binaries it leaves: "UPDATE schema_compatibility SET oldest = …"`)
	case raised != nil:
		if oldest, err := strconv.Atoi(raised[1]); err != nil || oldest >= version {
			faults = append(faults, "not even the binary before would serve it; take away a release later")
		}
	}
	return faults
}

// Every migration can be applied to a site that is in use, and says what it means for the binaries that run there.
func TestMigrationsAreForLiveSites(t *testing.T) {
	t.Parallel()
	entries, err := files.ReadDir("sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := files.ReadFile(path.Join("sql", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		number, _, _ := strings.Cut(e.Name(), "_")
		version, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("%s has no number", e.Name())
		}
		for _, fault := range fileFaults(version, string(text)) {
			t.Errorf("%s: %s", e.Name(), fault)
		}
	}
	// The rules notice what breaks them.
	const (
		expands   = "-- roost: expand\n"
		contracts = "-- roost: contract\n"
		alone     = expands + noTx + "\n"
		patient   = alone + "SET lock_timeout = 0;\n"
		index     = "CREATE INDEX CONCURRENTLY moods ON tweets (mood);"
	)
	for text, want := range map[string]string{
		"ALTER TABLE tweets ADD COLUMN mood text;":                     `say "-- roost: expand"`,
		expands + "ALTER TABLE tweets DROP COLUMN text;":               "DROP COLUMN",
		expands + "ALTER TABLE tweets RENAME text TO words;":           "RENAME",
		expands + "ALTER TABLE tweets ALTER COLUMN mood SET NOT NULL;": "SET NOT NULL",
		contracts + "ALTER TABLE tweets DROP COLUMN text;":             "which binaries",
		contracts + "UPDATE schema_compatibility SET oldest = 9;":      "a release later",
		expands + "UPDATE schema_compatibility SET oldest = 8;":        "refuses older",
		expands + "CREATE INDEX moods ON tweets (mood);":               "CONCURRENTLY",
		"-- roost: stop\nUPDATE schema_compatibility SET oldest = 9;":  "all nodes would have to stop",
		expands + index: noTx,
		alone + index:   "lock_timeout",
		patient + index: "drop it first",
		patient + "DROP INDEX CONCURRENTLY IF EXISTS moods;\n" + index:                                  "",
		contracts + "UPDATE schema_compatibility SET oldest = 8;\nALTER TABLE tweets DROP COLUMN text;": "",
		expands + "CREATE TABLE moods (id bigint);\nCREATE INDEX moods_id ON moods (id);":               "",
	} {
		got := strings.Join(fileFaults(9, text), "; ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for oldest, want := range map[string]string{"8": "", "7": "refuse the binaries without it"} {
		got := strings.Join(fileFaults(8, "-- roost: stop\nUPDATE schema_compatibility SET oldest = "+oldest+";"), "; ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("a stop that leaves binaries from %s on: %q, want %q", oldest, got, want)
		}
	}
}
