package main

import (
	"fmt"
	"runtime/debug"
)

// version says what this binary was built from: the module's version, the commit
// and its time (with "modified" if the tree was not clean), and the version of Go.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
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
