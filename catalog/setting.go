package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The SET keys of the engine.
const (
	ParallelismKey    = "parallelism"
	BatchRowsKey      = "batch.rows"
	CommitIntervalKey = "commit.interval"
	TriggerKey        = "trigger"
	EndKey            = "end"
	MaxRowsKey        = "max.rows"
	FormatKey         = "format"
	ProgressKey       = "progress"
	JobNameKey        = "job.name"
	StateTTLKey       = "state.ttl"
	ExprOnErrorKey    = "expression.on-error"
	TimeZoneKey       = "time.zone"
	DataDirKey        = "data.dir"
	IdleTimeoutKey    = "source.idle-timeout"
)

// SettingScope says what a setting belongs to.
type SettingScope uint8

// The scopes.
const (
	// SessionSetting is about the process or the way rows are shown; it may
	// change between statements at will.
	SessionSetting SettingScope = iota
	// JobSetting is one of the job: all INSERTs of a script must have the same.
	JobSetting
)

// SettingSpec describes one SET key. Each is also a flag of the command line.
type SettingSpec struct {
	OptionSpec
	Flag  string // without the dashes; "" = reachable by --set only
	Scope SettingScope
	// check says what else is wrong with a value that has the right type.
	check func(value string) error
}

// SettingSpecs lists all SET keys.
func SettingSpecs() []SettingSpec {
	return []SettingSpec{
		{Flag: "parallelism", Scope: JobSetting, check: atLeast(0), OptionSpec: OptionSpec{Name: ParallelismKey, Aliases: []string{"parallelism.default"}, Type: OptionInt, Default: "0",
			Doc: "Number of shards that work side by side; 0 is one for each core. It may differ from run to run."}},
		{Flag: "batch-rows", Scope: JobSetting, check: between(1, 1<<20), OptionSpec: OptionSpec{Name: BatchRowsKey, Type: OptionInt, Default: "16384",
			Doc: "Rows of an Arrow batch at most. It may differ from run to run."}},
		{Flag: "commit-interval", Scope: JobSetting, check: positive, OptionSpec: OptionSpec{Name: CommitIntervalKey, Aliases: []string{"execution.checkpointing.interval"}, Type: OptionDuration, Default: "1s",
			Doc: "Time between two commits: state, offsets and output become durable together."}},
		{Flag: "trigger", Scope: JobSetting, check: checkTrigger, OptionSpec: OptionSpec{Name: TriggerKey, Default: "default",
			Doc: "When data is processed: default (as it arrives), once, available_now, 'processing_time 30s', 'continuous 1s'."}},
		{Flag: "end", Scope: JobSetting, OptionSpec: OptionSpec{Name: EndKey, Type: OptionEnum, Values: []string{"flush", "hold"}, Default: "flush",
			Doc: "What the end of bounded sources does: flush closes all windows and finishes the job, hold keeps them open for the next run."}},
		{Flag: "max-rows", Scope: JobSetting, check: atLeast(0), OptionSpec: OptionSpec{Name: MaxRowsKey, Type: OptionInt, Default: "0",
			Doc: "Stop with a commit once so many source records are read, bad ones included, to resume later; 0 is no limit."}},
		{Flag: "format", OptionSpec: OptionSpec{Name: FormatKey, Type: OptionEnum, Values: []string{"table", "json", "csv", "tsv"}, Default: "table",
			Doc: "How the rows of a SELECT are printed."}},
		{Flag: "progress", OptionSpec: OptionSpec{Name: ProgressKey, Type: OptionEnum, Values: []string{"auto", "off", "json"}, Default: "auto",
			Doc: "Progress on standard error: one live line on a terminal, nothing, or JSON lines."}},
		{Flag: "job-name", Scope: JobSetting, OptionSpec: OptionSpec{Name: JobNameKey, Aliases: []string{"pipeline.name"},
			Doc: "Name of the job under the data directory; else the script's file name without its ending."}},
		{Flag: "state-ttl", Scope: JobSetting, OptionSpec: OptionSpec{Name: StateTTLKey, Aliases: []string{"table.exec.state.ttl"}, Type: OptionDuration, Default: "0s",
			Doc: "Forget a key of an operator without window that has not been touched for so long; 0s keeps all."}},
		{Flag: "expression-on-error", Scope: JobSetting, OptionSpec: OptionSpec{Name: ExprOnErrorKey, Type: OptionEnum, Values: []string{"source", "fail", "skip", "dead-letter"}, Default: "source",
			Doc: "What becomes of a row on which an expression fails; source: as 'on-error' of the source it came from."}},
		{Flag: "time-zone", Scope: JobSetting, check: checkZone, OptionSpec: OptionSpec{Name: TimeZoneKey, Aliases: []string{"table.local-time-zone"}, Default: "UTC",
			Doc: "The session's time zone: for TIMESTAMP_LTZ as text, and for windows of days over it. A name of the IANA database or UTC."}},
		{Flag: "data-dir", OptionSpec: OptionSpec{Name: DataDirKey, Default: "./.streamsql",
			Doc: "Directory of state, offsets and catalog."}},
		{Flag: "source-idle-timeout", Scope: JobSetting, OptionSpec: OptionSpec{Name: IdleTimeoutKey, Aliases: []string{"table.exec.source.idle-timeout"}, Type: OptionDuration, Default: "0s",
			Doc: "IDLE TIMEOUT of sources that don't say it themselves; 0s is never."}},
	}
}

// ErrUnknownSetting is the cause of an error of Set on a key that nobody knows.
var ErrUnknownSetting = errors.New("unknown setting")

// Settings are the values of SET keys. It is a value of one session and not for
// concurrent use.
type Settings struct {
	specs  []SettingSpec
	values map[string]string
	warned map[string]bool
}

// NewSettings gives the defaults.
func NewSettings() *Settings {
	return &Settings{specs: SettingSpecs(), values: map[string]string{}, warned: map[string]bool{}}
}

// Clone gives an independent copy.
func (s *Settings) Clone() *Settings {
	return &Settings{specs: s.specs, values: maps.Clone(s.values), warned: maps.Clone(s.warned)}
}

// Set changes a setting. A key of Flink without a counterpart gives a warning,
// the first time it is set. An unknown key is ErrUnknownSetting, with a
// suggestion; a value that does not fit is an error too.
func (s *Settings) Set(key, value string) (warning string, err error) {
	spec := s.find(key)
	if spec == nil {
		if flinkOnly(key) {
			if s.warned[key] {
				return "", nil
			}
			s.warned[key] = true
			return fmt.Sprintf("'%s' is a setting of Flink that has no effect here", key), nil
		}
		err := fmt.Errorf("%w '%s'", ErrUnknownSetting, key)
		if near := Suggest(key, s.Keys()); near != "" {
			err = fmt.Errorf("%w; did you mean '%s'?", err, near)
		}
		return "", err
	}
	v, err := spec.canonical(value)
	if err == nil && spec.check != nil {
		err = spec.check(v)
	}
	if err != nil {
		return "", fmt.Errorf("setting '%s': %w", spec.Name, err)
	}
	s.values[spec.Name] = v
	return "", nil
}

// Reset brings one setting, or all with an empty key, back to the default.
func (s *Settings) Reset(key string) error {
	if key == "" {
		clear(s.values)
		return nil
	}
	spec := s.find(key)
	if spec == nil {
		if flinkOnly(key) {
			return nil
		}
		return fmt.Errorf("%w '%s'", ErrUnknownSetting, key)
	}
	delete(s.values, spec.Name)
	return nil
}

// find gives the spec of a key or alias.
func (s *Settings) find(key string) *SettingSpec {
	for i := range s.specs {
		spec := &s.specs[i]
		if strings.EqualFold(spec.Name, key) || slices.ContainsFunc(spec.Aliases, func(a string) bool { return strings.EqualFold(a, key) }) {
			return spec
		}
	}
	return nil
}

// Keys lists all keys and aliases, sorted.
func (s *Settings) Keys() []string {
	var keys []string
	for _, spec := range s.specs {
		keys = append(append(keys, spec.Name), spec.Aliases...)
	}
	slices.Sort(keys)
	return keys
}

// All lists the settings with their present values, in the order of the specs.
func (s *Settings) All() []SettingValue {
	var all []SettingValue
	for _, spec := range s.specs {
		v, set := s.values[spec.Name]
		if !set {
			v = spec.Default
		}
		all = append(all, SettingValue{Spec: spec, Value: v, Set: set})
	}
	return all
}

// SettingValue is a setting and its present value.
type SettingValue struct {
	Spec  SettingSpec
	Value string
	Set   bool // not the default
}

// Get gives the value of a key, which must be one of the constants above.
func (s *Settings) Get(key string) string {
	if v, ok := s.values[key]; ok {
		return v
	}
	if spec := s.find(key); spec != nil {
		return spec.Default
	}
	return ""
}

// IsSet says whether a key has been set in this session.
func (s *Settings) IsSet(key string) bool { _, ok := s.values[key]; return ok }

// Int gives an integer setting.
func (s *Settings) Int(key string) int64 { return Options{key: s.Get(key)}.Int(key) }

// Duration gives a duration setting.
func (s *Settings) Duration(key string) time.Duration { return Options{key: s.Get(key)}.Duration(key) }

// Zone gives the session's time zone.
func (s *Settings) Zone() *time.Location {
	zone, err := loadZone(s.Get(TimeZoneKey))
	if err != nil {
		return time.UTC
	}
	return zone
}

// Trigger gives the trigger.
func (s *Settings) Trigger() Trigger {
	t, _ := ParseTrigger(s.Get(TriggerKey))
	return t
}

// JobDifference names the first job setting in which two sessions differ, ""
// if there is none.
func (s *Settings) JobDifference(t *Settings) string {
	for _, spec := range s.specs {
		if spec.Scope == JobSetting && s.Get(spec.Name) != t.Get(spec.Name) {
			return spec.Name
		}
	}
	return ""
}

// TriggerKind says when data is processed.
type TriggerKind uint8

// The triggers.
const (
	DefaultTrigger        TriggerKind = iota // as data arrives, a commit each commit.interval
	ProcessingTimeTrigger                    // everything available, every Interval
	OnceTrigger                              // one micro-batch, then stop
	AvailableNowTrigger                      // all that is there now, then stop
	ContinuousTrigger                        // as the default, commits each Interval
)

// Trigger is a parsed value of the setting 'trigger'.
type Trigger struct {
	Kind     TriggerKind
	Interval time.Duration
}

// UpToNow says that a run ends with what is there when it begins.
func (t Trigger) UpToNow() bool { return t.Kind == OnceTrigger || t.Kind == AvailableNowTrigger }

// ParseTrigger reads default, once, available_now, 'processing_time 30s' or
// 'continuous 1s'.
func ParseTrigger(text string) (Trigger, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(strings.ToLower(text)), " ")
	kinds := map[string]TriggerKind{"default": DefaultTrigger, "once": OnceTrigger, "available_now": AvailableNowTrigger,
		"processing_time": ProcessingTimeTrigger, "continuous": ContinuousTrigger}
	kind, ok := kinds[word]
	timed := kind == ProcessingTimeTrigger || kind == ContinuousTrigger
	if !ok || timed != (strings.TrimSpace(rest) != "") {
		return Trigger{}, fmt.Errorf("%q is none of default, once, available_now, 'processing_time 30s', 'continuous 1s'", text)
	}
	t := Trigger{Kind: kind}
	if timed {
		d, err := ParseDuration(rest)
		if err != nil {
			return Trigger{}, err
		}
		if d <= 0 {
			return Trigger{}, fmt.Errorf("the interval of %q is not positive", text)
		}
		t.Interval = d
	}
	return t, nil
}

func checkTrigger(v string) error { _, err := ParseTrigger(v); return err }

func checkZone(v string) error { _, err := loadZone(v); return err }

// loadZone reads an IANA name; 'default' (Flink's default) and UTC are UTC, so
// that a script gives the same answer on every machine.
func loadZone(v string) (*time.Location, error) {
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "", "default", "utc", "z":
		return time.UTC, nil
	case "local":
		return nil, fmt.Errorf("%q depends on the machine; name a zone such as Europe/Berlin", v)
	}
	zone, err := time.LoadLocation(strings.TrimSpace(v))
	if err != nil {
		return nil, fmt.Errorf("%q is no time zone of the IANA database, such as Europe/Berlin", v)
	}
	return zone, nil
}

func positive(v string) error {
	if d, _ := ParseDuration(v); d <= 0 {
		return fmt.Errorf("%q is not positive", v)
	}
	return nil
}

func atLeast(low int64) func(string) error { return between(low, 1<<62) }

func between(low, high int64) func(string) error {
	return func(v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < low || n > high {
			if high >= 1<<62 {
				return fmt.Errorf("%s is below %d", v, low)
			}
			return fmt.Errorf("%s is not within %d to %d", v, low, high)
		}
		return nil
	}
}
