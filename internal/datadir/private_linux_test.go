package datadir

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// Where the rights of others cannot be taken away the database is not opened, and the error says what to do.
func TestRightsThatCannotBeTakenAway(t *testing.T) {
	t.Parallel()
	// The kernel lets nobody change the mode of this one.
	err := narrow("/proc/self/stat")
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "others may read /proc/self/stat (mode 444)") ||
		!strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("%v", err)
	}
	path := t.TempDir() + "/fewer"
	if err := os.WriteFile(path, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	if err := narrow(path); err != nil {
		t.Errorf("a file with fewer rights: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}
