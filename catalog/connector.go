package catalog

import "time"

// ConnectorSpec describes a connector (or a format) as plain data. The planner
// checks options against it, the reference pages are generated from it.
type ConnectorSpec struct {
	Name    string
	Aliases []string // 'filesystem' for 'file'
	Doc     string
	Options []OptionSpec
	Source  *SourceSpec // nil if it can't be read
	Sink    *SinkSpec   // nil if it can't be written
	// Keyed says that records have a key beside the value, with a format of its own:
	// 'key.format' and 'key.json.*'. 'value.format' and 'value.json.*' are then other
	// names of 'format' and 'json.*'.
	Keyed bool
	// Metadata lists, of a format, the columns beside the row that its records have;
	// METADATA FROM names them as 'value.' and the name.
	Metadata []MetadataColumn
	// Check says what is wrong with options that are each right by themselves; nil:
	// nothing can be.
	Check func(o Options, forSource bool) *OptionError
	// CheckTable says what is wrong with options beside the columns of a table: those
	// of its records, and the names of the PRIMARY KEY. nil: nothing can be.
	CheckTable func(o Options, columns []Field, key []string, forSource bool) *OptionError
}

// OptionType is the type of an option's value.
type OptionType uint8

// The option types, with how values are written.
const (
	OptionString   OptionType = iota
	OptionInt                 // 64 bits
	OptionBool                // true | false
	OptionFloat               // a double
	OptionDuration            // 10ms, 5 s, 1 min, 2 h (Go's and Flink's spellings)
	OptionBytes               // 64kb, 128 MB, 1gib
	OptionEnum                // one of Values
	OptionTime                // yyyy-MM-dd HH:mm:ss[.SSS]
)

// OptionSpec is one option of a connector.
type OptionSpec struct {
	Name     string // 'scan.startup.mode'; a trailing '*' takes any rest: 'fields.*.min'
	Aliases  []string
	Type     OptionType
	Values   []string // for OptionEnum
	Default  string   // "" = none
	Required bool
	Secret   bool // never shown
	Source   bool // means something for a source
	Sink     bool // means something for a sink
	Doc      string
	// Refused says why an option that others have is not taken, Hint what to write in its
	// place. It is known for that error alone.
	Refused, Hint string
}

// SourceSpec is what the planner must know of a connector as a source.
type SourceSpec struct {
	// Bounded says, from the options, whether reading ends by itself.
	Bounded func(Options) bool
	// Formats lists the formats it can decode; empty: it makes rows itself.
	Formats []string
	// Metadata lists the columns that METADATA FROM can name, besides those of the
	// format: see SourceMetadata.
	Metadata []MetadataColumn
	// Timestamps says that records carry a transport timestamp (MAX FUTURE SKEW).
	Timestamps bool
	// Changelog says, from the options, whether its rows may take back earlier ones:
	// they come with a RowKind, and -U and -D rows are whole. nil: never.
	Changelog func(Options) bool
	// Upserts says, from the options, that its rows are upserts by the PRIMARY KEY: a
	// row replaces that of its key, and one of kind -D, of which the key and metadata
	// columns alone hold, deletes it. nil: never.
	Upserts func(Options) bool
	// Table says that a bounded source holds a table rather than a recorded stream:
	// without WATERMARK, a join reads it whole before its other side.
	Table bool
	// Lookup says, from the options, whether rows can be looked up by the values of
	// some columns while a stream goes by. nil: never.
	Lookup func(Options) bool
	// Columns gives the columns if the connector fixes them (nexmark), else nil.
	Columns func(Options) ([]Field, error)
}

// MetadataColumn is a column beside the row itself, which a connector gives or takes.
type MetadataColumn struct {
	Name string
	Type Type
	Doc  string
}

// ChangelogMode says which row kinds a sink takes.
type ChangelogMode uint8

// The changelog modes.
const (
	AppendOnly  ChangelogMode = iota // +I only
	UpsertMode                       // +I, +U, -D by primary key; -U is dropped
	RetractMode                      // +I, -U, +U, -D
)

// Guarantee is what a sink promises over crashes.
type Guarantee uint8

// The guarantees.
const (
	ExactlyOnce Guarantee = iota
	AtLeastOnce
	NoGuarantee
)

// SinkSpec is what the planner must know of a connector as a sink.
type SinkSpec struct {
	// Accepts says which changelog the sink takes, given options and whether
	// the table has a primary key.
	Accepts func(o Options, primaryKey bool) ChangelogMode
	// NeedsKey says that a sink without a PRIMARY KEY can't be.
	NeedsKey bool
	// Open says, from the options, for how long what a commit is to show may wait at
	// the target before it is lost, and which option says so; 0: for ever. nil: for
	// ever.
	Open func(Options) (wait time.Duration, option string)
	// Guarantee by options.
	Guarantee func(Options) Guarantee
	Formats   []string
	// Metadata lists the columns that METADATA FROM can name.
	Metadata []MetadataColumn
	// Single says that rows must come in order through one writer (console).
	Single bool
}

// Options are a table's WITH options after checking: every name is the spec's
// own (aliases replaced), values are valid texts, defaults are filled in.
type Options map[string]string
