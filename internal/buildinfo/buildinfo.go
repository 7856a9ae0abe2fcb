// Package buildinfo reports which version of Roost a binary is.
package buildinfo

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version and commit are set by the linker where the go command cannot find them. In the build of an image it cannot, because
// the sources come without their history: -ldflags "-X roost/internal/buildinfo.version=v1.2.3
// -X roost/internal/buildinfo.commit=…".
var version, commit string

// Info identifies a binary. No field is empty.
type Info struct {
	// Version is a release as v1.2.3, or devel.
	Version string
	// Commit is the revision of the sources, with +dirty if they were changed since; or unknown.
	Commit string
	// Go is the version of the toolchain, as go1.26.0.
	Go string
}

// Get returns the Info of the running binary.
func Get() Info {
	info, _ := debug.ReadBuildInfo()
	return of(info)
}

// of returns the Info of a binary. built is what the go command wrote into the binary; nil if it wrote nothing.
func of(built *debug.BuildInfo) Info {
	i := Info{Version: version, Commit: commit, Go: runtime.Version()}
	if built != nil {
		if built.Main.Version != "(devel)" {
			i.Version = cmp.Or(i.Version, built.Main.Version)
		}
		i.Commit = cmp.Or(i.Commit, revision(built.Settings))
	}
	i.Version, i.Commit = cmp.Or(i.Version, "devel"), cmp.Or(i.Commit, "unknown")
	return i
}

func revision(settings []debug.BuildSetting) string {
	set := map[string]string{}
	for _, s := range settings {
		set[s.Key] = s.Value
	}
	if r := set["vcs.revision"]; r != "" && set["vcs.modified"] == "true" {
		return r + "+dirty"
	}
	return set["vcs.revision"]
}

// String returns the version, the commit and the toolchain in one line.
func (i Info) String() string {
	return fmt.Sprintf("roost %s (commit %s, %s)", i.Version, i.Commit, i.Go)
}
