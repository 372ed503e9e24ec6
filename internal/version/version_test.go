package version

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	own := &debug.BuildInfo{GoVersion: "go1.25", Main: debug.Module{Path: module, Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-01-02"}, {Key: "vcs.modified", Value: "true"},
	}}
	if got, want := describe(own), "v1.2.3, commit 0123456789ab of 2026-01-02, modified, go1.25"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	within := &debug.BuildInfo{GoVersion: "go1.25", Main: debug.Module{Path: "example.com/app", Version: "v9.0.0"}, Deps: []*debug.Module{{Path: module, Version: "v1.2.3"}}}
	if got, want := describe(within), "v1.2.3, go1.25"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := describe(&debug.BuildInfo{GoVersion: "go1.25"}); got != "(devel), go1.25" {
		t.Error(got)
	}
	if got := String(); !strings.Contains(got, "go1") {
		t.Errorf("this build is %q", got)
	}
}
