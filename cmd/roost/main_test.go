package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"roost/app"
	"roost/internal/buildinfo"
	"roost/testkit/apitest"
)

// asProgram makes this test binary be the program, with its command line, variables and exit codes.
const asProgram = "ROOST_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// output is a stream of a process, which can be read while it is written.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// process is a run of the program in a directory of its own.
type process struct {
	cmd         *exec.Cmd
	dir         string
	out, stderr output
	ended       chan struct{}
}

// start runs the program; env is all of its variables.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{dir: t.TempDir(), ended: make(chan struct{})}
	p.cmd = exec.Command(os.Args[0], args...)
	p.cmd.Dir = p.dir
	// The race detector would wait for a second at each end.
	p.cmd.Env = append([]string{asProgram + "=1", "HOME=" + p.dir, "GORACE=atexit_sleep_ms=0"}, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // ProcessState holds how it ended
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// wait returns the exit code, -1 if a signal ended it.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	apitest.Until(t, "the end of "+strings.Join(p.cmd.Args[1:], " "), func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// What is wrong with a command line or with variables is printed in one line of stderr, with an exit code of its
// own, and nothing has happened.
func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	const server = "--database-url=postgres://ada:hunter2@127.0.0.1:1/roost --redis-url=redis://:hunter2@127.0.0.1:1/0 "
	for _, c := range []struct {
		line string // variables first
		code int
		want string
	}{
		{"dance", 2, `there is no command "dance" (see ` + "`roost help`)"},
		{"serve now", 2, `serve takes no arguments, only flags: "now" (see ` + "`roost serve --help`)"},
		{"--nonsense", 2, "flag provided but not defined: -nonsense"},
		{"--demo=perhaps", 2, `invalid boolean value "perhaps" for -demo`},
		{"ROOST_DEMO=perhaps serve", 2, "ROOST_DEMO: "},
		{"serve --addr=8080", 2, `--addr: "8080" is not host:port, such as localhost:8080`},
		{"serve --addr=localhost:http", 2, `--addr: "localhost:http" is not host:port`},
		{"serve --admin-addr=:70000", 2, `--admin-addr: ":70000" is not host:port`},
		{"serve --budget=19999", 2, "--budget: 19999 is neither 0 nor between 20000, which one operation may cost, and 2147483647"},
		{"serve --budget-address=-1", 2, "--budget-address: -1 is neither 0 nor between 10000"},
		{"serve --roles=api,cook", 2, `--roles: "cook" is neither api nor worker`},
		{"ROOST_ROLES=cook serve", 2, `--roles: "cook" is neither`},
		{"serve --public-url=social.example", 2, `--public-url: "social.example" is not like https://`},
		{"serve --public-url=https://social.example/roost", 2, "--public-url: "},
		{"serve --public-url=https://ada:hunter2@social.example", 2, "--public-url: it must have no user and no password"},
		{"serve --origins=https://app.example,https://ada:hunter2@x.example", 2, "--origins: it must have no user and no password"},
		{"serve --origins=https://app.example,*", 2, `--origins: "*" is not like https://`},
		{"ROOST_ORIGINS=app.example serve", 2, `--origins: "app.example" is not like https://`},
		{"serve --trusted-proxies=10.0.0.0/8,proxy", 2, `--trusted-proxies: "proxy" is not a network`},
		{"ROOST_TRUSTED_PROXIES=0.0.0.0/0 serve", 2, "--trusted-proxies: 0.0.0.0/0 trusts every client"},
		{"serve --drain-delay=-1s", 2, "--drain-delay: -1s is not between 0 and 5m0s"},
		{"serve --drain-delay=301s", 2, "--drain-delay: 5m1s is not between"},
		{"serve --documents-only", 2, "--documents-only: it needs --documents"},
		{"ROOST_DOCUMENTS_ONLY=true serve", 2, "--documents-only: it needs --documents"},
		{"serve --documents-only --documents=x.json --playground", 2, "--documents-only: the playground cannot work with it"},
		{"serve --documents=nowhere.json", 1, "--documents: open nowhere.json: "},
		{"serve --documents=/dev/null", 1, "--documents: /dev/null: it is no JSON object"},
		{"serve --log-format=xml", 2, `--log-format: "xml" is neither text nor json`},
		{"serve --copies-mib=3", 2, "--copies-mib: 3 is neither between 4 and 65536, nor 0, nor -1"},
		{"serve --copies-mib=65537", 2, "--copies-mib: 65537 is neither"},
		{"serve --database-prepare=maybe", 2, `--database-prepare: "maybe" is none of auto, on and off`},
		{"serve --database-conns=-1", 2, "--database-conns: it must not be negative"},
		{"serve --sign-in-per-account=-1 --sign-in-per-address=-2", 2, "--sign-in-per-account: it must not be negative"},
		{"serve --sign-up-per-address=x", 2, "sign-up-per-address"},
		{"serve --search-keep=-1h", 2, "search-keep"},
		{"search build", 2, "rebuild"},
		{"search rebuild --search-keep=-1h", 2, "search-keep"},
		{"serve --data-dir=", 2, "--data-dir: must not be empty"},
		{"serve --database-url=postgres://ada:hunter2@db/roost", 2, "--database-url and --redis-url go together"},
		{"serve --redis-url=redis://cache:6379", 2, "--database-url and --redis-url go together"},
		{server + "--redis-url=redis://:hunter2@cache:port", 2,
			"--redis-url: the Redis URL must look like redis://"},
		{server + "--redis-url=:hunter2@cache", 2, "--redis-url: the Redis URL must look like redis://"},
		{server + "--database-url=mysql://ada:hunter2@db/roost", 2, "--database-url: it must look like postgres://"},
		{server + "--database-url=postgres://ada:hunter%2@db/roost", 2, "--database-url: it must look like postgres://"},
		{"serve --roles=cook --addr=x --origins=*", 2,
			`--addr: "x" is not host:port, such as localhost:8080; --origins: "*" is not like https://app.example.com; --roles: `},
		{"serve --data-dir=/dev/null/data", 1, "make the data directory: "},
		{"migrate", 2, "say `roost migrate up` or `roost migrate status`"},
		{"migrate down", 2, "say `roost migrate up`"},
		{"migrate up", 2, "--database-url is needed; an embedded database migrates itself"},
		{"migrate up --database-url=postgres://ada:hunter2@127.0.0.1:1/roost", 1, "connect to the database: "},
		{"ROOST_DATABASE_URL=mysql://ada:hunter2@db migrate status", 2, "--database-url: it must look like postgres://"},
		{"import", 2, "name the one directory that holds the files"},
		{"import one two", 2, "name the one directory that holds the files"},
		{"import nowhere", 2, "nowhere holds no users.tsv and no users.tsv.gz"},
		{"import --source=a/b nowhere", 2, `the source "a/b" must be 1 to 64 letters`},
		{"import --database-conns=-1 nowhere", 2, "--database-conns: it must not be negative"},
		{"events", 2, "say `roost events groups |"},
		{"events groups", 1, "there is no embedded database in data: name its --data-dir"},
		{"audit", 2, "say `roost audit cache"},
		{"audit everything", 2, "say `roost audit cache"},
		{"audit cache now --admin-addr=127.0.0.1:1", 2, "say `roost audit cache [flags]`"},
		{"audit timelines", 2, "name --database-url and --redis-url, or the --admin-addr"},
		{"audit timelines --admin-addr=127.0.0.1:1 --rate=0", 2, "--rate must be at least 1"},
		{"audit timelines --admin-addr=127.0.0.1:1 --viewers=0", 2, "--viewers must be at least 1"},
		{"audit timelines --admin-addr=127.0.0.1:1 --depth=0", 2, "--depth must be at least 1"},
		{"audit timelines --admin-addr=127.0.0.1:1 --depth=5001", 2, "depth must be 1 to 5000"},
		{"audit timelines --admin-addr=127.0.0.1:1", 1, "the node at --admin-addr 127.0.0.1:1 does not answer"},
		{"audit cache", 2, "name --database-url and --redis-url, or the --admin-addr"},
		{"audit cache --database-url=postgres://ada:hunter2@127.0.0.1:1/roost", 2, "--database-url needs --redis-url"},
		{"audit cache --redis-url=redis://:hunter2@cache", 2, "--redis-url needs --database-url"},
		{"audit cache --database-url=postgres://ada:hunter2@127.0.0.1:1/roost --redis-url=redis://:hunter2@cache:port", 2,
			"--redis-url: the Redis URL must look like"},
		{"audit cache --admin-addr=127.0.0.1:1 --rate=0", 2, "--rate must be at least 1"},
		{"audit cache --admin-addr=127.0.0.1:1 --examples=9999", 2, "examples must be 0 to 1000"},
		{"audit cache --admin-addr=127.0.0.1:1", 1, "the node at --admin-addr 127.0.0.1:1 does not answer"},
		{"audit cache --database-url=postgres://ada:hunter2@127.0.0.1:1/roost --redis-url=redis://:hunter2@127.0.0.1:1", 1,
			"connect to the database: "},
		{"healthcheck --addr=8080", 2, `--addr: "8080" is not host:port`},
		{"healthcheck now", 2, "healthcheck takes no arguments"},
		{"healthcheck --addr=127.0.0.1:1", 1, "connection refused"},
	} {
		t.Run(c.line, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(c.line)
			var env []string
			for len(args) > 0 && strings.HasPrefix(args[0], "ROOST_") {
				env, args = append(env, args[0]), args[1:]
			}
			p := start(t, env, args...)
			code, said := p.wait(t), p.stderr.String()
			if code != c.code || !strings.HasPrefix(said, "roost: ") || !strings.Contains(said, c.want) || strings.Count(said, "\n") != 1 {
				t.Errorf("exit code %d, want %d: %q, want %q", code, c.code, said, c.want)
			}
			if strings.Contains(said, "hunter") {
				t.Errorf("the password is printed: %s", said)
			}
			if out := p.out.String(); out != "" {
				t.Errorf("it writes %q", out)
			}
			if left, err := os.ReadDir(p.dir); err != nil || len(left) > 0 {
				t.Errorf("it leaves %v, %v", left, err)
			}
		})
	}
}

// Flags win over variables.
func TestFlagsBeforeVariables(t *testing.T) {
	t.Parallel()
	p := start(t, []string{"ROOST_ROLES=cook", "ROOST_ADDR=junk"}, "serve", "--roles=waiter", "--addr=trash")
	if code, said := p.wait(t), p.stderr.String(); code != 2 || !strings.Contains(said, `"waiter"`) || !strings.Contains(said, `"trash"`) ||
		strings.Contains(said, "cook") || strings.Contains(said, "junk") {
		t.Errorf("%d %s", code, said)
	}
}

// Help lists every flag with its variable.
func TestHelp(t *testing.T) {
	t.Parallel()
	var all app.Config
	serving := flag.NewFlagSet("", flag.ContinueOnError)
	all.ServeFlags(serving)
	stores := flag.NewFlagSet("", flag.ContinueOnError)
	all.StoreFlags(stores)
	for line, flags := range map[string]*flag.FlagSet{
		"serve --help": serving, "healthcheck -h": serving, "migrate --help": stores, "import --help": stores,
		"events -help": stores, "audit --help": stores, "audit cache --help": stores,
		"audit timelines --help": stores,
	} {
		p := start(t, nil, strings.Fields(line)...)
		if code := p.wait(t); code != 0 || p.stderr.String() != "" {
			t.Errorf("%s: %d %s", line, code, p.stderr.String())
		}
		said := p.out.String()
		flags.VisitAll(func(f *flag.Flag) {
			variable := "ROOST_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
			_, after, ok := strings.Cut(said, "  --"+f.Name)
			if !ok || !strings.Contains(after, "\n      "+variable+"\n") {
				t.Errorf("%s does not list --%s with %s:\n%s", line, f.Name, variable, said)
			}
		})
	}
	for _, line := range []string{"help", "--help"} {
		p := start(t, nil, line)
		code, said := p.wait(t), p.out.String()
		for _, c := range commands() {
			if code != 0 || !strings.Contains(said, "  "+c.name+" ") {
				t.Errorf("%s: %d, %s is missing: %s", line, code, c.name, said)
			}
		}
	}
}

// The version is the same by command, by flag and in the metrics.
func TestVersion(t *testing.T) {
	t.Parallel()
	want := buildinfo.Get()
	for _, line := range []string{"version", "--version", "-version"} {
		p := start(t, nil, line)
		if code, said := p.wait(t), p.out.String(); code != 0 || said != want.String()+"\n" {
			t.Errorf("%s: %d %q, want %q", line, code, said, want)
		}
	}
	r := apitest.New(t, apitest.Embedded)
	figure := fmt.Sprintf("roost_build_info{commit=%q,go=%q,version=%q} 1\n", want.Commit, want.Go, want.Version)
	if _, _, page := get("http://" + r.App.AdminAddr().String() + "/metrics"); !strings.Contains(page, figure) {
		t.Errorf("the metrics lack %s", figure)
	}
}

// The version that a build sets with -ldflags is the one that the binary reports.
func TestVersionOfABuild(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(t.TempDir(), "roost")
	const at = "roost/internal/buildinfo."
	set := "-X " + at + "version=v9.8.7 -X " + at + "commit=abc123"
	out, err := exec.Command("go", "build", "-buildvcs=false", "-ldflags", set, "-o", bin, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	said, err := exec.Command(bin, "version").Output()
	if want := "roost v9.8.7 (commit abc123, " + runtime.Version() + ")\n"; err != nil || string(said) != want {
		t.Errorf("%q, %v, want %q", said, err, want)
	}
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Embedded)
	for flag, want := range map[string]string{"": "ok\n", "--ready": `"status":"ready"`} {
		p := start(t, []string{"ROOST_ADDR=" + strings.TrimPrefix(r.URL, "http://")}, strings.Fields("healthcheck "+flag)...)
		if code := p.wait(t); code != 0 || !strings.Contains(p.out.String(), want) {
			t.Errorf("%s: %d %s%s", flag, code, p.out.String(), p.stderr.String())
		}
	}
	sick := apitest.New(t, apitest.Server)
	sick.Redis.Stop()
	addr := "--addr=" + strings.TrimPrefix(sick.URL, "http://")
	apitest.Until(t, "Redis is missed", func() bool {
		p := start(t, nil, "healthcheck", addr, "--ready")
		return p.wait(t) == 0 && strings.Contains(p.out.String(), `"status":"degraded"`)
	})
}

// A node that is not ready is alive, so a supervisor must not restart it.
func TestHealthcheckOfAnUnreadyNode(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer site.Close()
	addr := "--addr=" + strings.TrimPrefix(site.URL, "http://")
	for flag, want := range map[string]int{"": 0, "--ready": 1} {
		p := start(t, nil, strings.Fields("healthcheck "+addr+" "+flag)...)
		if code := p.wait(t); code != want {
			t.Errorf("healthcheck %s: %d, want %d: %s", flag, code, want, p.stderr.String())
		}
	}
}

// get sends a request to a running process, and returns the status and header of the answer, 0 if there is none.
func get(url string) (int, http.Header, string) {
	res, err := http.Get(url)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, fmt.Sprint(string(body), errors.Join(err))
}
