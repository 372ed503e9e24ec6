package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
)

// flags are the settings given on the command line. Each is also a SET in a
// script, which comes later and wins.
type flags struct {
	values map[string]*string // by setting
	set    []string           // --set key=value
	cmd    *cobra.Command
}

// add gives a command the flags of all settings that have one.
func (f *flags) add(c *cobra.Command) {
	f.cmd = c
	f.values = map[string]*string{}
	for _, s := range catalog.SettingSpecs() {
		if s.Flag == "" {
			continue
		}
		v := new(string)
		f.values[s.Name] = v
		c.Flags().StringVar(v, s.Flag, "", firstSentence(s.Doc)+defaultOf(s))
	}
	c.Flags().StringArrayVar(&f.set, "set", nil, "a setting, key=value; may be repeated")
}

func firstSentence(s string) string {
	s, _, _ = strings.Cut(s, ". ")
	return strings.TrimSuffix(s, ".")
}

func defaultOf(s catalog.SettingSpec) string {
	if s.Default == "" {
		return ""
	}
	return " (default " + s.Default + ")"
}

// apply gives a session the settings.
func (f *flags) apply(s *streamsql.Session) error {
	for _, spec := range catalog.SettingSpecs() {
		v, ok := f.values[spec.Name]
		if !ok || !f.cmd.Flags().Changed(spec.Flag) {
			continue
		}
		if _, err := s.Set(spec.Name, *v); err != nil {
			return usageError{fmt.Errorf("--%s: %w", spec.Flag, err)}
		}
	}
	for _, kv := range f.set {
		key, value, ok := strings.Cut(kv, "=")
		if !ok {
			return usageError{fmt.Errorf("--set %s: want key=value", kv)}
		}
		warning, err := s.Set(strings.TrimSpace(key), strings.TrimSpace(value))
		if err != nil {
			return usageError{fmt.Errorf("--set %s: %w", kv, err)}
		}
		if warning != "" {
			fmt.Fprintln(os.Stderr, "warning: "+warning)
		}
	}
	return nil
}

// dataDir is the data directory: the flag, --set, or the default.
func (f *flags) dataDir() string {
	if f.cmd.Flags().Changed("data-dir") {
		return *f.values[catalog.DataDirKey]
	}
	for _, kv := range f.set {
		if v, ok := strings.CutPrefix(kv, catalog.DataDirKey+"="); ok {
			return v
		}
	}
	for _, s := range catalog.SettingSpecs() {
		if s.Name == catalog.DataDirKey {
			return s.Default
		}
	}
	return ""
}

// open makes the engine of a command over a data directory.
func (f *flags) open(dataDir string, stdout io.Writer) (*streamsql.Engine, error) {
	return streamsql.Open(streamsql.Options{
		DataDir: dataDir, Stdout: stdout, Fault: fault, FS: sinkFS, StateFS: stateFS,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}
