package app

import (
	"testing"
	"time"
)

// good returns a configuration as the flags of a node make it.
func good() Config {
	return Config{Addr: "localhost:8080", DataDir: "data", Roles: "api,worker", Demo: true}
}

func TestCheckFillsIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*Config)
		url    string
		own    bool
	}{
		{"localhost", func(*Config) {}, "http://localhost:8080", true},
		{"this machine", func(c *Config) { c.Addr = "127.0.0.1:8080" }, "http://localhost:8080", true},
		{"a host", func(c *Config) { c.Addr = "192.0.2.7:8080" }, "http://192.0.2.7:8080", true},
		{"no host", func(c *Config) { c.Addr = ":8080" }, "http://localhost:8080", true},
		{"every IPv4 address", func(c *Config) { c.Addr = "0.0.0.0:80" }, "http://localhost:80", true},
		{"every address", func(c *Config) { c.Addr = "[::]:8080" }, "http://localhost:8080", true},
		{"any port", func(c *Config) { c.Addr = ":0" }, "http://localhost:0", true},
		{"a URL", func(c *Config) { c.Addr, c.PublicURL = ":8080", "https://social.example/" }, "https://social.example", false},
	} {
		cfg := good()
		c.change(&cfg)
		if err := cfg.Check(); err != nil || cfg.PublicURL != c.url || cfg.OwnURL() != c.own {
			t.Errorf("%s: %q (own: %t), %v", c.name, cfg.PublicURL, cfg.OwnURL(), err)
		}
	}
	cfg := good()
	cfg.TrustedProxies, cfg.Origins, cfg.DrainDelay = "10.0.0.0/8, ::1", " https://app.example , http://localhost:3000,", maxDrainDelay
	if err := cfg.Check(); err != nil || len(cfg.proxies) != 2 || len(cfg.origins()) != 2 || !cfg.Demo || !cfg.ServerTiming {
		t.Errorf("embedded: %+v, %v", cfg, err)
	}
	cfg = good()
	cfg.DatabaseURL, cfg.RedisURL = "postgresql://db/roost", "rediss://cache"
	if err := cfg.Check(); err != nil || cfg.Demo || cfg.ServerTiming {
		t.Errorf("server: %+v, %v", cfg, err)
	}
	cfg = good()
	cfg.DrainDelay = maxDrainDelay + time.Nanosecond
	if err := cfg.Check(); err == nil {
		t.Error("a longer delay is taken")
	}
}
