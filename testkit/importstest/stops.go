package importstest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"roost/domain/imports"
)

// A damaged file ends the import; what came before stays, and the mended file adds the rest.
func damagedGzip(t *testing.T, s *Store) {
	dir := Small(t)
	path := filepath.Join(dir, "follows.tsv.gz")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)*2/3], 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := imports.Run(t.Context(), s.Options(dir))
	if err == nil || !strings.Contains(err.Error(), "follows.tsv.gz is damaged behind line") {
		t.Fatalf("err %v", err)
	}
	s.Consistent(t)
	had := r.Files[1].Inserted
	if had == 0 || had%7 != 0 || s.Number(t, "SELECT count(*) FROM follows") != had {
		t.Errorf("%+v", r.Files[1])
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	r = s.Run(t, s.Options(dir))
	if f := r.Files[1]; f.Existing != had || f.Inserted+had != 400 {
		t.Errorf("%+v", f)
	}
	s.Consistent(t)
}

// An import that is called off can go on later.
func cancelledImportGoesOn(t *testing.T, s *Store) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := s.Options(Small(t))
	o.Progress = func(p imports.Progress) {
		if strings.HasPrefix(p.File, "likes") {
			cancel()
		}
	}
	if _, err := imports.Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("err %v", err)
	}
	s.Consistent(t)
	o.Progress = nil
	r := s.Run(t, o)
	if f := r.Files[3]; f.Resumed != 7 || f.Lines != 693 || !r.Files[0].Skipped {
		t.Errorf("%+v", f)
	}
	s.Consistent(t)
}
