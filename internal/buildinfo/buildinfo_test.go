package buildinfo

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestInfo(t *testing.T) {
	t.Parallel()
	vcs := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: modified}}
	}
	for name, c := range map[string]struct {
		built           *debug.BuildInfo
		version, commit string
	}{
		"nothing":           {nil, "devel", "unknown"},
		"without history":   {&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "devel", "unknown"},
		"a checkout":        {&debug.BuildInfo{Main: debug.Module{Version: "v1.2.4-0.abc"}, Settings: vcs("false")}, "v1.2.4-0.abc", "abc"},
		"a changed one":     {&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: vcs("true")}, "devel", "abc+dirty"},
		"a released module": {&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3", "unknown"},
	} {
		if got, want := of(c.built), (Info{c.version, c.commit, runtime.Version()}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}
