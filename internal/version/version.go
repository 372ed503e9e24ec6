// Package version says which build of the engine runs.
package version

import (
	"fmt"
	"runtime/debug"
	"sync"
)

const module = "github.com/streamsql/streamsql"

// String says what the engine was built from: the module's version, the commit and
// its time (with "modified" if the tree was not clean), and the version of Go. In a
// program that embeds the engine it is the version that the program was built with.
var String = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return describe(info)
})

func describe(info *debug.BuildInfo) string {
	text := info.Main.Version
	for _, d := range info.Deps {
		if d.Path == module {
			return d.Version + ", " + info.GoVersion
		}
	}
	if text == "" {
		text = "(devel)"
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	if c := set["vcs.revision"]; c != "" {
		text += fmt.Sprintf(", commit %.12s of %s", c, set["vcs.time"])
		if set["vcs.modified"] == "true" {
			text += ", modified"
		}
	}
	return text + ", " + info.GoVersion
}
