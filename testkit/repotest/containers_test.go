package repotest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

type service struct {
	Image       string
	Build       any
	User        string
	Command     []string
	Environment map[string]string
	Privileged  bool
	Ports       []string
	CapDrop     []string `yaml:"cap_drop"`
	DependsOn   map[string]struct {
		Condition string
	} `yaml:"depends_on"`
	Healthcheck struct {
		Test    []string
		Disable bool
	}
}

type composition struct {
	Services map[string]service
}

func compose(t *testing.T) composition {
	t.Helper()
	var c composition
	// A key that overrides a merged one counts as a duplicate here.
	in := yaml.NewDecoder(strings.NewReader(read(t, "docker-compose.yml")), yaml.AllowDuplicateMapKey())
	if err := in.Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestComposition(t *testing.T) {
	t.Parallel()
	c := compose(t)
	nodes := map[string]string{"api1": "api", "api2": "api", "worker": "worker"}
	for name, roles := range nodes {
		s, ok := c.Services[name]
		if !ok {
			t.Errorf("no service %s", name)
			continue
		}
		if got := s.Environment["ROOST_ROLES"]; got != roles {
			t.Errorf("%s has roles %q, want %q", name, got, roles)
		}
		if got := s.DependsOn["migrate"].Condition; got != "service_completed_successfully" {
			t.Errorf("%s waits for migrate to be %q", name, got)
		}
		if got := s.DependsOn["redis"].Condition; got != "service_healthy" {
			t.Errorf("%s waits for redis to be %q", name, got)
		}
		if !slices.Contains(s.CapDrop, "ALL") {
			t.Errorf("%s keeps capabilities", name)
		}
	}
	for node := range nodes {
		if c.Services[node].Environment["ROOST_ADMIN_ADDR"] == "" {
			t.Errorf("%s has no admin address", node)
		}
	}
	balancer, config := c.Services["balancer"], read(t, "docs/proxies/nginx.conf")
	for _, node := range []string{"api1", "api2"} {
		if balancer.DependsOn[node].Condition != "service_healthy" || !strings.Contains(config, "server "+node+":8080 ") {
			t.Errorf("the balancer does not stand before %s", node)
		}
	}
	if got := c.Services["migrate"].Command; len(got) == 0 || got[0] != "migrate" {
		t.Errorf("migrate runs %q", got)
	}
	for name, s := range c.Services {
		if name != "migrate" && len(s.Healthcheck.Test) == 0 {
			t.Errorf("%s has no health check", name)
		}
		if s.Privileged || s.User == "root" || s.User == "0" {
			t.Errorf("%s runs with privileges", name)
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s opens %s to the network", name, p)
			}
		}
	}
}

// secretName is what a variable that holds a secret is called; urlSecret is a
// password inside an address.
var (
	secretName = regexp.MustCompile(`(?i)password|secret|token|key`)
	urlSecret  = regexp.MustCompile(`://[^/@:\s]*:([^@/\s]+)@`)
	fromEnv    = regexp.MustCompile(`^\$\{[A-Z_]+:\?[^}]+\}$`)
)

func TestCompositionHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for name, s := range compose(t).Services {
		for key, value := range s.Environment {
			if secretName.MatchString(key) && !fromEnv.MatchString(value) {
				t.Errorf("%s: %s is written down: %q", name, key, value)
			}
			// The message of ${NAME:?message} has spaces, which no address has.
			address := strings.ReplaceAll(value, " ", "_")
			if m := urlSecret.FindStringSubmatch(address); m != nil && !fromEnv.MatchString(m[1]) {
				t.Errorf("%s: %s holds a password: %q", name, key, value)
			}
		}
	}
	for line := range strings.Lines(read(t, ".env.example")) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(key, "#") && secretName.MatchString(key) && value != "" {
			t.Errorf(".env.example: %s has a value", key)
		}
	}
	if !slices.Contains(strings.Fields(read(t, ".gitignore")), "/.env") {
		t.Error(".env can be committed")
	}
	if !slices.Contains(strings.Fields(read(t, ".dockerignore")), ".env") {
		t.Error(".env goes to the Docker engine")
	}
}

func TestImageIsStaticAndUnprivileged(t *testing.T) {
	t.Parallel()
	text := read(t, "Dockerfile")
	_, last, ok := strings.Cut(text, "\nFROM scratch\n")
	if !ok {
		t.Fatal("the image is not made from scratch")
	}
	user := regexp.MustCompile(`(?m)^USER ([0-9]+):([0-9]+)$`).FindStringSubmatch(last)
	if user == nil || user[1] == "0" || user[2] == "0" {
		t.Errorf("the image runs as %q, want a number that is not 0", user)
	}
	if !strings.Contains(text, "CGO_ENABLED=0 go build") {
		t.Error("the binary is not static")
	}
	// Not whether it is ready: that follows its stores, and who restarts the container would restart it for them.
	if m := regexp.MustCompile(`(?m)^HEALTHCHECK .*CMD (.*)$`).FindStringSubmatch(last); m == nil || m[1] != `["/roost", "healthcheck"]` {
		t.Errorf("the health check is %q", m)
	}
	for _, want := range []string{"-X roost/internal/buildinfo.version=${VERSION} -X roost/internal/buildinfo.commit=${COMMIT}",
		"org.opencontainers.image.version=${VERSION}", "org.opencontainers.image.revision=${COMMIT}"} {
		if !strings.Contains(text, want) {
			t.Errorf("the image does not carry its version: no %s", want)
		}
	}
	if m := regexp.MustCompile(`(?mi)^(?:ARG|ENV) .*(password|secret|token).*$`).FindString(text); m != "" {
		t.Errorf("a secret would stay in the image: %s", m)
	}
}
