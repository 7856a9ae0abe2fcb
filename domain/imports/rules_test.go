package imports_test

import (
	"strings"
	"testing"

	"roost/domain/imports"
	"roost/testkit/importstest"
)

// The rules of imports hold on SQLite; suite/imports runs the same tests on PostgreSQL.
func TestRulesOnSQLite(t *testing.T) { importstest.Rules(t, importstest.NewSQLite) }

func TestUnreadableFiles(t *testing.T) {
	const users = "id\tusername\tname\n1\tann\tAnn\n"
	t.Parallel()
	s := importstest.NewSQLite(t)
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no users": {map[string]string{"follows.tsv": "follower_id\tfollowee_id\n"}, "holds no users.tsv and no users.tsv.gz"},
		"empty":    {map[string]string{"users.tsv": ""}, `users.tsv:1: the header "id\tusername\tname" is missing`},
		"wrong header": {map[string]string{"users.tsv": "id,username,name\n"},
			`users.tsv:1: the header is "id,username,name", not "id\tusername\tname"`},
		"two of a kind": {map[string]string{"users.tsv": users, "users.tsv.gz": users}, "remove the one that is not meant"},
		"not zipped":    {map[string]string{"users.tsv.gz": users}, "invalid header"},
	} {
		_, err := imports.Run(t.Context(), s.Options(importstest.Files(t, tc.files)))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	if n := s.Number(t, "SELECT count(*) FROM users"); n != 0 {
		t.Errorf("%d users were imported", n)
	}
	// A byte order mark and a last line without an end are fine.
	s.Run(t, s.Options(importstest.Files(t, map[string]string{"users.tsv": "\xef\xbb\xbf" + strings.TrimSuffix(users, "\n")})))
	if n := s.Number(t, "SELECT count(*) FROM users"); n != 1 {
		t.Errorf("%d users were imported", n)
	}
}
