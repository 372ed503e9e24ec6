package catalog

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// oneFormat is a Connectors with one format.
type oneFormat struct{ spec *ConnectorSpec }

func (oneFormat) Lookup(string) (*ConnectorSpec, bool) { return nil, false }
func (f oneFormat) LookupFormat(name string) (*ConnectorSpec, bool) {
	return f.spec, name == "csv" || name == "text"
}
func (oneFormat) Names() []string       { return nil }
func (oneFormat) FormatNames() []string { return []string{"csv", "text"} }

func checked(forSource bool, kv ...string) (Options, []OptionError) {
	spec := &ConnectorSpec{
		Name: "c",
		Options: []OptionSpec{
			{Name: "path", Required: true, Source: true, Sink: true, Doc: "where"},
			{Name: "scan.startup.mode", Type: OptionEnum, Values: []string{"earliest-offset", "latest-offset"}, Default: "earliest-offset", Source: true},
			{Name: "splits", Aliases: []string{"partitions"}, Type: OptionInt, Source: true},
			{Name: "interval", Type: OptionDuration, Default: "1 min", Source: true},
			{Name: "sink.size", Type: OptionBytes, Default: "64kb", Sink: true},
			{Name: "fields.*.min", Type: OptionFloat, Source: true},
			{Name: "from", Type: OptionTime, Source: true},
			{Name: "props.*", Source: true, Sink: true},
			{Name: "strict", Type: OptionBool, Source: true},
		},
		Source: &SourceSpec{Formats: []string{"csv"}}, Sink: &SinkSpec{Formats: []string{"csv"}},
	}
	csv := &ConnectorSpec{Name: "csv", Aliases: []string{"text"}, Options: []OptionSpec{
		{Name: "field-delimiter", Default: ",", Source: true, Sink: true}, {Name: "allow-comments", Type: OptionBool, Source: true}, IgnoreParseErrors(),
	}}
	raw := map[string]string{"connector": "C"}
	for i := 0; i < len(kv); i += 2 {
		raw[kv[i]] = kv[i+1]
	}
	return CheckOptions(spec, oneFormat{csv}, raw, forSource)
}

func TestCheckOptions(t *testing.T) {
	got, errs := checked(true, "path", "x", "format", "text", "partitions", " 3 ", "scan.startup.mode", "Latest-Offset", "fields.my.col.min", "1.5",
		"csv.allow-comments", "TRUE", "props.a.b", "v", "from", "2024-01-15 10:00:00.5", "on-error", "skip")
	if errs != nil {
		t.Fatal(errs)
	}
	want := Options{
		"connector": "c", "path": "x", "format": "csv", "splits": "3", "scan.startup.mode": "latest-offset", "fields.my.col.min": "1.5",
		"csv.allow-comments": "true", "csv.field-delimiter": ",", "props.a.b": "v", "from": "2024-01-15 10:00:00.5", "interval": "1 min", "on-error": "skip", "decode.validate": "read",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got.Int("splits") != 3 || !got.Bool("csv.allow-comments") || got.Float("fields.my.col.min") != 1.5 || got.Duration("interval") != time.Minute ||
		!got.Time("from").Equal(time.Date(2024, 1, 15, 10, 0, 0, 5e8, time.UTC)) || got.Under("csv.")["field-delimiter"] != "," {
		t.Errorf("wrong values of %v", got)
	}
	if got, errs := checked(false, "path", "x", "format", "csv", "sink.size", "1 MB"); errs != nil || got.Bytes("sink.size") != 1<<20 {
		t.Error(got, errs)
	}
}

// Flink's name for passing over bad records sets the policy.
func TestIgnoreParseErrors(t *testing.T) {
	for value, want := range map[string]string{"true": "skip", "false": "fail"} {
		if got, errs := checked(true, "path", "x", "format", "csv", "csv.ignore-parse-errors", value); errs != nil || got[OnErrorOption] != want {
			t.Errorf("%s: %v %v", value, got, errs)
		}
	}
	if got, errs := checked(true, "path", "x", "format", "csv", "csv.ignore-parse-errors", "true", "on-error", "skip"); errs != nil || got[OnErrorOption] != "skip" {
		t.Error(got, errs)
	}
}

func TestCheckOptionsErrors(t *testing.T) {
	for _, test := range []struct {
		forSource bool
		kv        []string
		want      []string
	}{
		{true, []string{"format", "csv"}, []string{"connector 'c' needs option 'path'; where"}},
		{true, []string{"path", "x"}, []string{"connector 'c' needs option 'format'; one of csv"}},
		{true, []string{"path", "x", "format", "cvs"}, []string{"unknown format 'cvs'; did you mean 'csv'?"}},
		{true, []string{"pth", "x", "format", "csv"}, []string{"unknown option 'pth' of connector 'c'; did you mean 'path'?", "connector 'c' needs option 'path'; where"}},
		{true, []string{"path", "x", "format", "csv", "csv.field-delimeter", ";"}, []string{"unknown option 'csv.field-delimeter' of connector 'c'; did you mean 'csv.field-delimiter'?"}},
		{true, []string{"path", "x", "format", "csv", "csv.ignore-parse-errors", "true", "on-error", "fail"}, []string{"options 'csv.ignore-parse-errors' = 'true' and 'on-error' = 'fail' contradict each other; leave one of them out"}},
		{true, []string{"path", "x", "format", "csv", "json.x", ";"}, []string{"unknown option 'json.x' of connector 'c'"}},
		{true, []string{"path", "x", "format", "csv", "splits", "many"}, []string{`option 'splits': "many" is not an integer`}},
		{true, []string{"path", "x", "format", "csv", "splits", "1", "partitions", "2"}, []string{"option 'splits' is given twice, the second time as 'splits'"}},
		{true, []string{"path", "x", "format", "csv", "scan.startup.mode", "now"}, []string{`option 'scan.startup.mode': "now" is not one of earliest-offset, latest-offset`}},
		{true, []string{"path", "x", "format", "csv", "strict", "yes"}, []string{`option 'strict': "yes" is neither true nor false`}},
		{true, []string{"path", "x", "format", "csv", "fields..min", "1"}, []string{"unknown option 'fields..min' of connector 'c'; did you mean 'fields.*.min'?"}},
		{true, []string{"path", "x", "format", "csv", "interval", "soon"}, []string{`option 'interval': "soon" is not a duration such as 10ms, 5 s, 1 min, 2 h`}},
		{true, []string{"path", "x", "format", "csv", "from", "noon"}, []string{`option 'from': "noon" is not a time such as 2024-01-15 10:00:00.000`}},
		{true, []string{"path", "x", "format", "csv", "sink.size", "1"}, []string{"option 'sink.size' of connector 'c' is for sinks only"}},
		{false, []string{"path", "x", "format", "csv", "decode.validate", "all"}, []string{"option 'decode.validate' of connector 'c' is for sources only"}},
		{false, []string{"path", "x", "format", "csv", "csv.allow-comments", "true"}, []string{"option 'csv.allow-comments' of connector 'c' is for sources only"}},
		{false, []string{"path", "x", "format", "csv", "sink.size", "-1"}, []string{`option 'sink.size': "-1" is not a size such as 64kb, 128 mb, 1gb`}},
		{false, []string{"path", "x", "format", "csv", "size", "1"}, []string{"unknown option 'size' of connector 'c'; did you mean 'sink.size'?"}},
	} {
		_, errs := checked(test.forSource, test.kv...)
		var got []string
		for _, e := range errs {
			got = append(got, strings.TrimSuffix(e.Error(), "; "))
		}
		if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
			t.Errorf("%v:\n got %q\nwant %q", test.kv, got, test.want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10ms": 10 * time.Millisecond, "5 s": 5 * time.Second, "1 min": time.Minute, "2 h": 2 * time.Hour, "3 DAYS": 72 * time.Hour, "1h30m": 90 * time.Minute,
		"250": 250 * time.Millisecond, "7 µs": 7 * time.Microsecond, " 1 second ": time.Second, "1.5s": 1500 * time.Millisecond, "0": 0,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "s", "-1s", "1 parsec", "1 s 2", "9223372036854775807 d", "99999999999999999999 s"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{"64kb": 64 << 10, "128 MB": 128 << 20, "1gib": 1 << 30, "7": 7, "2 b": 2, "1t": 1 << 40} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "kb", "-1", "1.5mb", "1 pb", "9000000000 gb"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestSuggest(t *testing.T) {
	names := []string{"path", "format", "scan.startup.mode", "source.monitor-interval", "sink.rolling-policy.file-size"}
	for name, want := range map[string]string{
		"pahT": "path", "paths": "path", "fromat": "format", "scan.startup": "", "scan.start-up.mode": "scan.startup.mode", "monitor-interval": "source.monitor-interval",
		"file-size": "sink.rolling-policy.file-size", "xyz": "", "": "",
	} {
		if got := Suggest(name, names); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
