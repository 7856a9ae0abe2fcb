package repotest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a directory of programs that replaces a computer's PATH.
type machine struct {
	t   *testing.T
	bin string
	env []string
}

// newMachine has the programs that the script itself is written with, Docker without an
// engine, and nothing the tests need.
func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, bin: t.TempDir()}
	for _, tool := range []string{
		"bash", "cat", "chmod", "dirname", "env", "grep", "head", "mkdir", "mktemp", "readlink", "rm", "sed", "sort", "timeout", "touch"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatalf("%v: this test needs the usual programs of a shell", err)
		}
		if err := os.Symlink(path, filepath.Join(m.bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	m.program("docker", "exit 1")
	m.program("cc", "exit 0")
	m.program("go", "echo cc")
	m.program("node", "echo v20.19.2")
	m.program("npm", "exit 0")
	m.env = []string{
		"PATH=" + m.bin, "TMPDIR=" + t.TempDir(),
		// Servers where distributions put them would be found otherwise.
		"ROOST_TEST_POSTGRES_BIN=" + filepath.Join(m.bin, "postgresql"),
	}
	return m
}

// program adds a shell script.
func (m *machine) program(name, body string) {
	m.t.Helper()
	path := filepath.Join(m.bin, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/usr/bin/env bash\n"+body+"\n"), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) postgres(version string) {
	m.program("postgresql/initdb", "exit 0")
	m.program("postgresql/postgres", fmt.Sprintf("echo 'postgres (PostgreSQL) %s (Debian)'", version))
}

func (m *machine) redis(version string) {
	m.program("redis-server", fmt.Sprintf("echo 'Redis server v=%s sha=00000000:0 bits=64'", version))
}

func (m *machine) setup() (stdout, stderr string, err error) {
	var out, errs strings.Builder
	cmd := exec.Command("bash", filepath.Join("..", "..", "scripts", "setup.sh"))
	cmd.Env = m.env
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func TestSetupFindsWhatIsInstalled(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.postgres("17.2")
	m.redis("8.0.1")
	out, errs, err := m.setup()
	if err != nil {
		t.Fatal(err, errs)
	}
	for _, want := range []string{
		"export ROOST_TEST_POSTGRES_BIN=" + filepath.Join(m.bin, "postgresql") + "\n",
		"export ROOST_TEST_REDIS_SERVER=" + filepath.Join(m.bin, "redis-server") + "\n",
		"export ROOST_STORE_POSTGRES=17.2\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
}

func TestSetupFailsAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.env = append(m.env, "ROOST_TEST_APT=0")
	m.postgres("14.9")
	out, errs, err := m.setup()
	if err == nil || out != "" {
		t.Errorf("it goes on without stores:\n%s", out)
	}
	for _, want := range []string{"PostgreSQL 15 or newer", "ROOST_TEST_POSTGRES_BIN", "Redis 7 or newer", "ROOST_TEST_REDIS_SERVER"} {
		if !strings.Contains(errs, want) {
			t.Errorf("it does not say %q:\n%s", want, errs)
		}
	}
	if strings.Contains(errs, "C compiler") {
		t.Errorf("it asks for what is there:\n%s", errs)
	}
}

func TestSetupUsesDockerBeforeApt(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.postgres("15.1")
	m.program("docker", `[[ $1 == info ]]`)
	m.program("apt-get", "touch "+filepath.Join(m.bin, "apt-was-called"))
	out, errs, err := m.setup()
	if err != nil {
		t.Fatal(err, errs)
	}
	if !strings.Contains(out, "export ROOST_TEST_CONTAINER=golang:1.") || !strings.Contains(errs, "not found: redis;") {
		t.Errorf("output:\n%s%s", out, errs)
	}
	if _, err := os.Stat(filepath.Join(m.bin, "apt-was-called")); err == nil {
		t.Error("apt-get was called")
	}
}

func TestSetupInstallsWithApt(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("not root: apt-get must not be called")
	}
	m := newMachine(t)
	m.postgres("15.1")
	installed := filepath.Join(m.bin, "redis-server")
	m.program("apt-get", fmt.Sprintf(`
[[ $1 == update ]] && exec touch %[1]s/updated
[[ -e %[1]s/updated && " $* " == *" redis-server "* && " $* " != *postgresql* ]] || exit 1
printf '#!/usr/bin/env bash\necho "Redis server v=7.0.15 sha=0"\n' >%[2]s
chmod 755 %[2]s`, m.bin, installed))
	out, errs, err := m.setup()
	if os.Geteuid() != 0 {
		if err == nil {
			t.Error("it goes on without Redis")
		}
		return
	}
	if err != nil {
		t.Fatal(err, errs)
	}
	if !strings.Contains(out, "export ROOST_TEST_REDIS_SERVER="+installed) {
		t.Errorf("output:\n%s%s", out, errs)
	}
}

// Tests of the domain's rules run where no server is installed; whatever imports more of testkit needs PostgreSQL, and all other
// packages need every store.
func TestDomainTestsNeedNoServers(t *testing.T) {
	t.Parallel()
	const rules, both = "roost/testkit/domaintest\nroost/testkit/testtime", "roost/testkit/domaintest\nroost/testkit/dbtest"
	for name, c := range map[string]struct{ args, imports, missing string }{
		"rules":                {"-run X ./domain/tweets ./domain/follows", rules, ""},
		"on both stores":       {"./domain/...", both, "PostgreSQL"},
		"redis":                {"./domain/...", "roost/testkit/redistest", "PostgreSQL Redis"},
		"another package":      {"./domain/tweets ./live", rules, "PostgreSQL Redis"},
		"no package":           {"-run X", rules, "PostgreSQL Redis"},
		"a package's own path": {"./domain/tweets roost/live", rules, "PostgreSQL Redis"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			m.program("getconf", "echo 2")
			m.program("go", fmt.Sprintf(`case "$1 $2" in
'list -f') printf '%%s\n' '%s' ;;
'test '*) echo "runs $*" ;;
*) echo cc ;;
esac`, c.imports))
			cmd := exec.Command("bash", append([]string{filepath.Join("..", "..", "scripts", "test.sh")}, strings.Fields(c.args)...)...)
			cmd.Env = append(m.env, "ROOST_TEST_APT=0")
			out, err := cmd.CombinedOutput()
			if ran := strings.Contains(string(out), "runs test"); ran != (c.missing == "") || ran != (err == nil) {
				t.Errorf("%v\n%s", err, out)
			}
			for _, store := range []string{"PostgreSQL 15", "Redis 7"} {
				kind, _, _ := strings.Cut(store, " ")
				if strings.Contains(string(out), "- "+store) != strings.Contains(c.missing, kind) {
					t.Errorf("%s is missing or not, want %q\n%s", kind, c.missing, out)
				}
			}
		})
	}
}
