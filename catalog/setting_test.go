package catalog

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestSettingDefaultsAreValid(t *testing.T) {
	flags := map[string]bool{}
	for _, spec := range SettingSpecs() {
		s := NewSettings()
		if spec.Default != "" {
			if _, err := s.Set(spec.Name, spec.Default); err != nil {
				t.Errorf("the default of %s: %v", spec.Name, err)
			}
		}
		if spec.Doc == "" || spec.Flag == "" || flags[spec.Flag] {
			t.Errorf("%s has no documentation, or no flag of its own", spec.Name)
		}
		flags[spec.Flag] = true
	}
}

func TestSettings(t *testing.T) {
	s := NewSettings()
	set := func(key, value string) {
		t.Helper()
		if w, err := s.Set(key, value); err != nil || w != "" {
			t.Errorf("SET %s = %s: %q, %v", key, value, w, err)
		}
	}
	set("parallelism.default", "3")
	set("EXECUTION.CHECKPOINTING.INTERVAL", "10 s")
	set("table.local-time-zone", "Europe/Berlin")
	set("trigger", "Processing_Time 30s")
	set("pipeline.name", "My job")
	if s.Int(ParallelismKey) != 3 || s.Duration(CommitIntervalKey) != 10*time.Second || s.Zone().String() != "Europe/Berlin" || s.Get(JobNameKey) != "My job" {
		t.Errorf("aliases do not reach their settings: %v", s.All())
	}
	if tr := s.Trigger(); tr.Kind != ProcessingTimeTrigger || tr.Interval != 30*time.Second {
		t.Errorf("trigger %v", tr)
	}
	c := s.Clone()
	if err := s.Reset(""); err != nil || s.Int(ParallelismKey) != 0 || c.Int(ParallelismKey) != 3 {
		t.Error("RESET reaches a clone, or does nothing")
	}
	if got := s.JobDifference(c); got != ParallelismKey {
		t.Errorf("they differ in %q first", got)
	}
	set("format", "json") // of the session: no difference of the job
	d := s.Clone()
	if err := d.Reset("format"); err != nil || s.JobDifference(d) != "" {
		t.Error("format is no setting of the job")
	}
}

func TestSettingsRefuse(t *testing.T) {
	for key, values := range map[string][]string{
		"parallelism": {"x", "-1", "1.5", ""}, "batch.rows": {"0", "99999999999"}, "commit.interval": {"0", "0s", "soon"},
		"trigger": {"", "sometimes", "once 5s", "continuous", "continuous x", "processing_time 0s"}, "end": {"stop"},
		"format": {"xml"}, "time.zone": {"Local", "Moon"}, "max.rows": {"-5"}, "expression.on-error": {"ignore"},
	} {
		for _, v := range values {
			if _, err := NewSettings().Set(key, v); err == nil {
				t.Errorf("SET %s = %q passes", key, v)
			}
		}
	}
}

func TestSettingsOfFlink(t *testing.T) {
	s := NewSettings()
	for i, key := range []string{"execution.runtime-mode", "table.exec.mini-batch.enabled", "taskmanager.memory.process.size", "restart-strategy.type"} {
		w, err := s.Set(key, "x")
		if err != nil || !strings.Contains(w, "no effect") {
			t.Errorf("%d: %q, %v", i, w, err)
		}
		if w, _ := s.Set(key, "y"); w != "" {
			t.Errorf("%s warns twice", key)
		}
	}
	_, err := s.Set("table.exec.state.tll", "1h")
	if !errors.Is(err, ErrUnknownSetting) || !strings.Contains(err.Error(), "table.exec.state.ttl") {
		t.Errorf("a slip in a key of Flink: %v", err)
	}
	if _, err := s.Set("no.such.thing.at.all", "1"); !errors.Is(err, ErrUnknownSetting) || strings.Contains(err.Error(), "did you mean") {
		t.Errorf("%v", err)
	}
}
