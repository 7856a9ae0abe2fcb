package imports

import (
	"testing"

	"roost/testkit/importstest"
)

// The rules of imports hold on PostgreSQL; the tests of domain/imports run them on SQLite.
func TestRulesOnPostgres(t *testing.T) { importstest.Rules(t, importstest.NewPostgres) }
