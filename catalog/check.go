package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Connectors finds connector and format descriptions by name or alias. It is
// all that the planner sees of connectors.
type Connectors interface {
	Lookup(name string) (*ConnectorSpec, bool)
	LookupFormat(name string) (*ConnectorSpec, bool)
	// Names and FormatNames list all names and aliases, sorted.
	Names() []string
	FormatNames() []string
}

// FormatMetadata is what the names of a format's metadata columns begin with.
const FormatMetadata = "value."

// SourceMetadata lists the metadata columns of a source of the connector spec with
// checked options: the connector's own, and those of its format.
func SourceMetadata(spec *ConnectorSpec, formats Connectors, o Options) []MetadataColumn {
	all := slices.Clone(spec.Source.Metadata)
	if len(spec.Source.Formats) == 0 {
		return all
	}
	if f, ok := formats.LookupFormat(o[FormatOption]); ok {
		for _, m := range f.Metadata {
			m.Name = FormatMetadata + m.Name
			all = append(all, m)
		}
	}
	return all
}

// OptionError says what is wrong with one WITH option.
type OptionError struct {
	Option  string // as written; the missing option's name for a missing one
	Value   bool   // the value is at fault, not the name
	Missing bool   // the option is not there at all
	// OtherSide: a source's option on a sink, or the other way round. In a
	// CREATE TABLE, which may be used as both, it is no error.
	OtherSide bool
	// OneUse: it is in the way of reading alone, or of writing alone. A CREATE TABLE
	// is refused for it when it is used so.
	OneUse  bool
	Message string
	Hint    string // "did you mean 'topic'?"; may be empty
}

// Error implements error.
func (e *OptionError) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + "; " + e.Hint
}

// The names of the options that name the connector and its format.
const (
	ConnectorOption = "connector"
	FormatOption    = "format"
	KeyFormatOption = "key.format" // of connectors with keys
)

// The options that the engine itself sees to, for every source; the first four
// for every sink too.
const (
	OnErrorOption        = "on-error"
	DeadLetterSinkOption = "dead-letter.sink"
	MaxBadOption         = "on-error.max-per-minute"
	MaxBadShareOption    = "on-error.max-share"
	ValidateOption       = "decode.validate"
	IdleTimeoutOption    = "scan.watermark.idle-timeout"
	FutureSkewOption     = "scan.watermark.max-future-skew"
	AlignGroupOption     = "scan.watermark.alignment.group"
	AlignDriftOption     = "scan.watermark.alignment.max-drift"
	AlignUpdateOption    = "scan.watermark.alignment.update-interval"
	StaticOption         = "static"
	StaticReloadOption   = "static.reload-interval"
	InferRowsOption      = "schema.infer.rows"
)

// The options of a source that rows are looked up in (FOR SYSTEM_TIME AS OF a
// processing time), which the engine sees to as well.
const (
	LookupCacheOption        = "lookup.cache"
	LookupMaxRowsOption      = "lookup.partial-cache.max-rows"
	LookupAfterWriteOption   = "lookup.partial-cache.expire-after-write"
	LookupAfterAccessOption  = "lookup.partial-cache.expire-after-access"
	LookupMissingOption      = "lookup.partial-cache.cache-missing-key"
	LookupRetriesOption      = "lookup.max-retries"
	LookupFullStrategyOption = "lookup.full-cache.reload-strategy"
)

// The values of 'lookup.cache'.
const (
	LookupCacheNone    = "NONE"
	LookupCachePartial = "PARTIAL"
	LookupCacheFull    = "FULL"
)

// CommonSourceOptions are the options that every source takes, whatever its
// connector; the engine sees to them.
func CommonSourceOptions() []OptionSpec {
	return []OptionSpec{
		{Name: OnErrorOption, Type: OptionEnum, Values: []string{"fail", "skip", "dead-letter"}, Default: "fail", Source: true,
			Doc: "What becomes of a bad record: stop the job with its position, count and drop it, or write it to the sink that 'dead-letter.sink' names."},
		{Name: DeadLetterSinkOption, Source: true,
			Doc: "The sink that takes bad records ('on-error'='dead-letter')."},
		{Name: MaxBadOption, Type: OptionInt, Source: true,
			Doc: "The job stops, before it commits, when more records and rows of the source were bad for one INSERT within a minute."},
		{Name: MaxBadShareOption, Type: OptionFloat, Source: true,
			Doc: "The same for their share in the records of the last minute, above 0 to 1; it is judged from 100 records on, and for the whole job at the end of the input."},
		{Name: ValidateOption, Type: OptionEnum, Values: []string{"read", "all"}, Default: "read", Source: true,
			Doc: "Which columns make a record bad if they don't fit: those that the query reads, or all declared ones."},
		{Name: IdleTimeoutOption, Aliases: []string{"table.exec.source.idle-timeout"}, Type: OptionDuration, Source: true,
			Doc: "A split that is silent for so long no longer holds the watermark back. As WATERMARK ... IDLE TIMEOUT, which wins."},
		{Name: FutureSkewOption, Type: OptionDuration, Source: true,
			Doc: "A record whose time is so far ahead of its transport timestamp (else of the clock) is bad. As WATERMARK ... MAX FUTURE SKEW, which wins."},
		{Name: AlignDriftOption, Type: OptionDuration, Source: true,
			Doc: "A split whose watermark is so far ahead of the slowest split's is not read until that one has come nearer. It may be ahead by what is read at a time."},
		{Name: AlignGroupOption, Source: true,
			Doc: "Sources of one job that name the same group are aligned with each other too, and not only the splits of each."},
		{Name: AlignUpdateOption, Type: OptionDuration, Source: true,
			Doc: "Accepted for Flink's scripts: alignment is judged whenever a split is chosen to be read."},
		{Name: InferRowsOption, Type: OptionInt, Source: true,
			Doc: "How many records are looked at for the types of columns, where none are declared and the format has no schema; 10000 unless said otherwise, and no more than 8 MB of them."},
		{Name: StaticOption, Type: OptionBool, Source: true,
			Doc: "Whether a join may read the source whole before the other side, as a static table. It must be bounded and have no WATERMARK. Unless said otherwise a bounded file without WATERMARK is one."},
		{Name: StaticReloadOption, Aliases: []string{"lookup.full-cache.periodic-reload.interval"}, Type: OptionDuration, Source: true,
			Doc: "How often a static table is read again while a job runs. Which rows meet the new one depends on the clock. Without it a table is read once a run."},
		{Name: LookupCacheOption, Type: OptionEnum, Values: []string{LookupCacheNone, LookupCachePartial, LookupCacheFull}, Source: true,
			Doc: "Of a table that is joined FOR SYSTEM_TIME AS OF a processing time: NONE looks each key of each batch up, PARTIAL keeps the answers for a time, FULL reads the table whole before the stream, as a static table. Default: NONE where the connector looks keys up, else FULL."},
		{Name: LookupMaxRowsOption, Aliases: []string{"lookup.cache.max-rows"}, Type: OptionInt, Source: true,
			Doc: "How many rows a PARTIAL cache keeps; those of the keys that were asked for longest ago go first."},
		{Name: LookupAfterWriteOption, Aliases: []string{"lookup.cache.ttl"}, Type: OptionDuration, Source: true,
			Doc: "How long a PARTIAL cache keeps an answer after it was looked up."},
		{Name: LookupAfterAccessOption, Type: OptionDuration, Source: true,
			Doc: "How long a PARTIAL cache keeps an answer after it was last asked for."},
		{Name: LookupMissingOption, Aliases: []string{"lookup.cache.caching-missing-key"}, Type: OptionBool, Source: true,
			Doc: "Whether a PARTIAL cache keeps the answer that there is no row; it does unless this is false."},
		{Name: LookupRetriesOption, Type: OptionInt, Source: true,
			Doc: "How often a lookup that failed is tried again before the job stops; 3 unless said otherwise."},
		{Name: LookupFullStrategyOption, Type: OptionEnum, Values: []string{"PERIODIC"}, Source: true,
			Doc: "How a FULL cache is read again: at 'static.reload-interval', if that is set."},
	}
}

// CommonSinkOptions are the options that every sink takes, whatever its connector.
func CommonSinkOptions() []OptionSpec {
	return []OptionSpec{
		{Name: OnErrorOption, Type: OptionEnum, Values: []string{"fail", "skip", "dead-letter"}, Sink: true,
			Doc: "What becomes of a row that the sink can't take (NULL in a NOT NULL column, or refused by the target): stop the job and show it, count and drop it, or write it to the sink that 'dead-letter.sink' names. Without it, as the sources of the query say."},
		{Name: DeadLetterSinkOption, Sink: true,
			Doc: "The sink that takes refused rows ('on-error'='dead-letter')."},
		{Name: MaxBadOption, Type: OptionInt, Sink: true,
			Doc: "The job stops, before it commits, when more rows were refused within a minute."},
		{Name: MaxBadShareOption, Type: OptionFloat, Sink: true,
			Doc: "The same for their share in the rows of the last minute, above 0 to 1; it is judged from 100 rows on, and for the whole job at the end of the input."},
	}
}

// CheckOptions checks the WITH options raw of a source or sink against the
// connector's description, those of its format included: 'format' chooses one of
// the connector's formats, whose options carry its name as prefix
// ('csv.field-delimiter'). (A connector whose 'format' is an enumeration of its
// own has no formats.) It gives the options with aliases replaced, values
// normalised and defaults filled in. Errors come sorted by option, those of
// missing options last.
func CheckOptions(spec *ConnectorSpec, formats Connectors, raw map[string]string, forSource bool) (Options, []OptionError) {
	c := optionCheck{spec: spec, forSource: forSource, out: Options{ConnectorOption: spec.Name}}
	if spec.Keyed {
		raw = c.valueNames(raw)
	}
	if forSource && spec.Source == nil {
		return nil, []OptionError{{Option: ConnectorOption, Value: true, Message: fmt.Sprintf("connector '%s' can't be read, only written", spec.Name)}}
	}
	if !forSource && spec.Sink == nil {
		return nil, []OptionError{{Option: ConnectorOption, Value: true, Message: fmt.Sprintf("connector '%s' can't be written, only read", spec.Name)}}
	}
	c.add("", spec.Options)
	if forSource {
		c.add("", CommonSourceOptions())
	} else {
		c.add("", CommonSinkOptions())
		c.addOther(CommonSourceOptions())
	}
	ownFormat := slices.ContainsFunc(spec.Options, func(o OptionSpec) bool { return o.Name == FormatOption && o.Type == OptionEnum })
	if !ownFormat {
		c.chooseFormat(formats, raw, FormatOption, "")
	}
	if _, given := raw[KeyFormatOption]; given && spec.Keyed {
		c.chooseFormat(formats, raw, KeyFormatOption, "key.")
	}
	names := make([]string, 0, len(raw))
	for name := range raw {
		if name != ConnectorOption && (name != FormatOption || ownFormat) && (name != KeyFormatOption || !spec.Keyed) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c.check(name, raw[name])
	}
	c.skipErrors(raw)
	c.fillIn()
	// A misspelt name comes before the option that is missing for it.
	slices.SortStableFunc(c.errs, func(a, b OptionError) int {
		switch {
		case a.Missing == b.Missing:
			return 0
		case b.Missing:
			return -1
		}
		return 1
	})
	if len(c.errs) == 0 && spec.Check != nil {
		if e := spec.Check(c.out, forSource); e != nil {
			c.errs = append(c.errs, *e)
		}
	}
	if len(c.errs) > 0 {
		return nil, c.asWritten()
	}
	return c.out, nil
}

// ignoreParseErrors is Flink's option of formats for 'on-error' = 'skip'.
const ignoreParseErrors = "ignore-parse-errors"

// IgnoreParseErrors is the option of a format that Flink has for passing over bad
// records. It stands for 'on-error' = 'skip', which CheckOptions sees to.
func IgnoreParseErrors() OptionSpec {
	return OptionSpec{Name: ignoreParseErrors, Type: OptionBool, Source: true,
		Doc: "Flink's name for 'on-error' = 'skip'."}
}

// Refused is an option of Flink's that can't be taken.
func Refused(name, why, hint string) OptionSpec {
	return OptionSpec{Name: name, Source: true, Sink: true, Refused: why, Hint: hint}
}

// valueNames gives the options of a connector with keys under the names that
// others have: 'value.format' is 'format', 'value.json.x' is 'json.x'.
func (c *optionCheck) valueNames(raw map[string]string) map[string]string {
	out := make(map[string]string, len(raw))
	for name, value := range raw {
		rest, ok := strings.CutPrefix(name, "value.")
		if !ok || slices.ContainsFunc(c.spec.Options, func(o OptionSpec) bool { return o.Name == name }) {
			out[name] = value
			continue
		}
		if _, twice := raw[rest]; twice {
			c.errs = append(c.errs, OptionError{Option: name, Message: fmt.Sprintf("option '%s' is given twice, the second time as '%s'", rest, name)})
			continue
		}
		out[rest] = value
		if c.renamed == nil {
			c.renamed = map[string]string{}
		}
		c.renamed[rest] = name
	}
	return out
}

// asWritten gives errors the names of options as they are written.
func (c *optionCheck) asWritten() []OptionError {
	for i := range c.errs {
		e := &c.errs[i]
		if name, ok := c.renamed[e.Option]; ok {
			e.Message = strings.ReplaceAll(e.Message, "'"+e.Option+"'", "'"+name+"'")
			e.Option = name
		}
	}
	return c.errs
}

type optionCheck struct {
	spec      *ConnectorSpec
	forSource bool
	known     []knownOption
	out       Options
	errs      []OptionError
	renamed   map[string]string // names as written, where valueNames has changed them
}

type knownOption struct {
	OptionSpec
	prefix string // the format's name and a point
	other  bool   // means something for the other side only
}

func (c *optionCheck) add(prefix string, options []OptionSpec) {
	for _, o := range options {
		if (o.Name == FormatOption || o.Name == KeyFormatOption && c.spec.Keyed) && o.Type != OptionEnum {
			continue // chooseFormat sees to it
		}
		other := !o.Source
		if !c.forSource {
			other = !o.Sink
		}
		c.known = append(c.known, knownOption{o, prefix, other})
	}
}

func (c *optionCheck) addOther(options []OptionSpec) {
	for _, o := range options {
		c.known = append(c.known, knownOption{o, "", true})
	}
}

// chooseFormat settles 'format' or 'key.format' and takes up the options of the
// format.
func (c *optionCheck) chooseFormat(formats Connectors, raw map[string]string, option, prefix string) {
	written, given := raw[option]
	var allowed []string
	if c.forSource {
		allowed = c.spec.Source.Formats
	} else {
		allowed = c.spec.Sink.Formats
	}
	if len(allowed) == 0 {
		if given {
			c.errs = append(c.errs, OptionError{Option: option,
				Message: fmt.Sprintf("connector '%s' has no formats", c.spec.Name), Hint: fmt.Sprintf("leave '%s' out", option)})
		}
		return
	}
	name := strings.TrimSpace(written)
	if !given {
		for _, o := range c.spec.Options {
			if o.Name == option {
				name = o.Default
			}
		}
	}
	if name == "" {
		c.errs = append(c.errs, OptionError{Option: option, Missing: !given, Value: given,
			Message: fmt.Sprintf("connector '%s' needs option '%s'", c.spec.Name, option), Hint: "one of " + strings.Join(allowed, ", ")})
		return
	}
	format, ok := formats.LookupFormat(name)
	if !ok || !slices.Contains(allowed, format.Name) {
		e := OptionError{Option: option, Value: true, Hint: "one of " + strings.Join(allowed, ", ")}
		if ok {
			e.Message = fmt.Sprintf("connector '%s' does not take format '%s'", c.spec.Name, name)
		} else {
			e.Message = fmt.Sprintf("unknown format '%s'", name)
			if s := Suggest(name, formats.FormatNames()); s != "" {
				e.Hint = fmt.Sprintf("did you mean '%s'?", s)
			}
		}
		c.errs = append(c.errs, e)
		return
	}
	c.out[option] = format.Name
	c.add(prefix+format.Name+".", format.Options)
}

// check takes one option as written.
func (c *optionCheck) check(written, value string) {
	o, name := c.find(written)
	if o == nil {
		e := OptionError{Option: written, Message: fmt.Sprintf("unknown option '%s' of connector '%s'", written, c.spec.Name)}
		if s := Suggest(written, c.names()); s != "" {
			e.Hint = fmt.Sprintf("did you mean '%s'?", s)
		}
		c.errs = append(c.errs, e)
		return
	}
	if o.other {
		side := "sinks"
		if !c.forSource {
			side = "sources"
		}
		c.errs = append(c.errs, OptionError{Option: written, OtherSide: true,
			Message: fmt.Sprintf("option '%s' of connector '%s' is for %s only", written, c.spec.Name, side)})
		return
	}
	if o.Refused != "" {
		c.errs = append(c.errs, OptionError{Option: written, Message: fmt.Sprintf("option '%s' is not taken: %s", written, o.Refused), Hint: o.Hint})
		return
	}
	v, err := o.canonical(value)
	if err != nil {
		c.errs = append(c.errs, OptionError{Option: written, Value: true, Message: fmt.Sprintf("option '%s': %v", written, err)})
		return
	}
	if _, twice := c.out[name]; twice {
		c.errs = append(c.errs, OptionError{Option: written, Message: fmt.Sprintf("option '%s' is given twice, the second time as '%s'", name, written)})
		return
	}
	c.out[name] = v
}

// find gives the option that written names, and its full canonical name.
func (c *optionCheck) find(written string) (*knownOption, string) {
	for i := range c.known {
		o := &c.known[i]
		rest, ok := strings.CutPrefix(written, o.prefix)
		if !ok {
			continue
		}
		if rest == o.Name || slices.Contains(o.Aliases, rest) || slices.Contains(o.Aliases, written) {
			return o, o.prefix + o.Name
		}
	}
	for i := range c.known {
		o := &c.known[i]
		if matchOption(o.prefix+o.Name, written) {
			return o, written
		}
	}
	return nil, ""
}

// matchOption says whether name fits a pattern in which each '*' stands for at
// least one character.
func matchOption(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	for i := len(head) + 1; i <= len(name); i++ {
		if matchOption(rest, name[i:]) {
			return true
		}
	}
	return false
}

// names lists what may be written, for suggestions.
func (c *optionCheck) names() []string {
	var names []string
	for _, o := range c.known {
		if o.other || o.Refused != "" {
			continue
		}
		names = append(names, o.prefix+o.Name)
		for _, a := range o.Aliases {
			names = append(names, o.prefix+a)
		}
	}
	return append(names, ConnectorOption, FormatOption)
}

// skipErrors lets a format's ignore-parse-errors set 'on-error'.
func (c *optionCheck) skipErrors(raw map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(c.out)) {
		if !strings.HasSuffix(name, "."+ignoreParseErrors) || c.out[name] != "true" {
			continue
		}
		if mode, given := c.out[OnErrorOption]; given && mode != "skip" {
			c.errs = append(c.errs, OptionError{Option: name,
				Message: fmt.Sprintf("options '%s' = 'true' and '%s' = '%s' contradict each other", name, OnErrorOption, raw[OnErrorOption]), Hint: "leave one of them out"})
			return
		}
		c.out[OnErrorOption] = "skip"
	}
}

// fillIn sets defaults and finds what is missing.
func (c *optionCheck) fillIn() {
	for _, o := range c.known {
		name := o.prefix + o.Name
		if o.other || c.out[name] != "" || strings.Contains(name, "*") {
			continue
		}
		if _, set := c.out[name]; set {
			continue
		}
		if o.Default != "" {
			c.out[name] = o.Default
		} else if o.Required && !slices.ContainsFunc(c.errs, func(e OptionError) bool { return e.Option == name }) {
			c.errs = append(c.errs, OptionError{Option: name, Missing: true,
				Message: fmt.Sprintf("connector '%s' needs option '%s'", c.spec.Name, name), Hint: o.Doc})
		}
	}
}
