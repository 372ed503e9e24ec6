package datagen

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/datagen/numbered"
)

// The options of the source as a whole.
const (
	optSeed          = "seed"
	optRowsPerSecond = "rows-per-second"
	optNumberOfRows  = "number-of-rows"
	optSplits        = "splits"
	optBaseTime      = "base-time"
	optTimeStep      = "time-step"
)

// Connector gives the connector 'datagen': a source of made-up rows with the
// columns that the table declares.
func Connector() connectors.Connector {
	return connectors.Connector{Spec: spec(), OpenSource: openSource}
}

func spec() *catalog.ConnectorSpec {
	field := func(name string, t catalog.OptionType, doc string) catalog.OptionSpec {
		return catalog.OptionSpec{Name: "fields.*." + name, Type: t, Source: true, Doc: doc}
	}
	kind := field(optKind, catalog.OptionEnum, "How values are made: 'random' (the default) or 'sequence' (numbers, DECIMAL and STRING; row n has 'start' + n).")
	kind.Values = []string{kindRandom, kindSequence}
	return &catalog.ConnectorSpec{
		Name: "datagen",
		Doc: "Made-up rows with the columns that the table declares. Each column has a generator, set by options fields.COLUMN.OPTION; " +
			"parts of nested columns have fields.ROW.MEMBER.OPTION, fields.ARRAY.element.OPTION, fields.MAP.key.OPTION and fields.MAP.value.OPTION. " +
			"Row n is a function of the options and n alone: the same options give the same rows, whatever the number of splits and however often the job is stopped and resumed. " +
			"So times do not come from the clock, as in Flink: row n is n steps after 'base-time'.",
		Options: []catalog.OptionSpec{
			{Name: optRowsPerSecond, Type: catalog.OptionInt, Default: "10000", Source: true,
				Doc: "Rows in a second of the clock, over all splits; 0: as fast as they are read."},
			{Name: optNumberOfRows, Type: catalog.OptionInt, Default: "0", Source: true,
				Doc: "Number of rows; 0: without end, or until the first sequence ends."},
			{Name: optSeed, Type: catalog.OptionInt, Default: "0", Source: true,
				Doc: "Chooses the random values."},
			{Name: optSplits, Aliases: []string{"scan.parallelism"}, Type: catalog.OptionInt, Default: "1", Source: true,
				Doc: "Number of splits. Split i of s has every s-th row, beginning with the i-th (from 0): all of them together have the same rows for every s."},
			{Name: optBaseTime, Type: catalog.OptionTime, Default: "2024-01-01 00:00:00", Source: true,
				Doc: "Time of row 0 in columns of type DATE, TIME, TIMESTAMP and TIMESTAMP_LTZ."},
			{Name: optTimeStep, Type: catalog.OptionDuration, Source: true,
				Doc: "Time from one row to the next in such columns. Default: so much that 'rows-per-second' rows make a second; 1 ms if that is 0."},
			kind,
			field(optMin, catalog.OptionString, "Least random number (a duration for an INTERVAL DAY). Default: the type's least, 0 for intervals."),
			field(optMax, catalog.OptionString, "Greatest random number. Default: the type's greatest, a day or 120,000 months for intervals."),
			field(optStart, catalog.OptionInt, "First number of a sequence."),
			field(optEnd, catalog.OptionInt, "Last number of a sequence. The source ends with the sequence that ends first."),
			field(optLength, catalog.OptionInt, "Length of a random STRING (hexadecimal digits), BYTES, ARRAY or MAP. Default: the declared length, else 100; 3 for collections. Equal keys of a MAP count once."),
			field(optVarLen, catalog.OptionBool, "Lets the length be anything from 1 to 'length'. Default: false."),
			field(optMaxPast, catalog.OptionDuration, "Lets times lie up to so much before the row's time. Default: 0."),
			field(optNullRate, catalog.OptionFloat, "Share of NULLs, 0 to 1. Default: 0."),
		},
		Source: &catalog.SourceSpec{
			Bounded: func(o catalog.Options) bool {
				count, err := rowCount(o)
				return err == nil && count > 0
			},
		},
	}
}

// rowCount gives the number of rows that the options call for; 0: no end.
func rowCount(o catalog.Options) (int64, error) {
	count := o.Int(optNumberOfRows)
	if count < 0 {
		return 0, fmt.Errorf("datagen: option '%s' is %d, must not be negative", optNumberOfRows, count)
	}
	sequence, err := newFieldOptions(o).sequenceRows()
	if err != nil {
		return 0, err
	}
	if sequence >= 0 && (count == 0 || sequence < count) {
		count = sequence
	}
	return count, nil
}

// openSource makes the source.
func openSource(cfg connectors.SourceConfig, env connectors.Env) (connectors.Source, error) {
	o := cfg.Options
	count, err := rowCount(o)
	errs := []error{err}
	fields := make([]catalog.Field, len(cfg.Columns))
	for i, c := range cfg.Columns {
		if c.Metadata != "" {
			errs = append(errs, fmt.Errorf("datagen: there is no metadata column %q", c.Metadata))
		}
		fields[i] = catalog.Field{Name: c.Name, Type: c.Type, NotNull: c.NotNull}
	}
	declared := cfg.Declared
	if len(declared) == 0 {
		declared = fields
	}
	errs = append(errs, unknownColumns(o, declared))
	config := Config{
		Seed:          uint64(o.Int(optSeed)),
		BaseTime:      o.Time(optBaseTime),
		TimeStep:      o.Duration(optTimeStep),
		RowsPerSecond: o.Int(optRowsPerSecond),
		Fields:        o,
	}
	if span := newTimeline(config.BaseTime, config.TimeStep, config.RowsPerSecond); count > 0 && !span.holds(count) {
		errs = append(errs, fmt.Errorf("datagen: the times of %d rows go beyond year 9999; make '%s' smaller", count, optTimeStep))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	g, err := New(config, fields)
	if err != nil {
		return nil, err
	}
	return numbered.NewSource(numbered.Config{
		Name: "datagen", Count: count,
		Splits: int(min(max(o.Int(optSplits), 0), math.MaxInt32)),
		Rate:   o.Int(optRowsPerSecond), Clock: env.Clock,
	}, g)
}

var _ numbered.Rows = (*Generator)(nil)

// unknownColumns finds options of columns that the table does not have.
func unknownColumns(o catalog.Options, declared []catalog.Field) error {
	names := make([]string, len(declared))
	for i, f := range declared {
		names[i] = f.Name
	}
	var errs []error
	for option := range o {
		rest, ok := strings.CutPrefix(strings.ToLower(option), fieldsPrefix)
		if !ok {
			continue
		}
		known := false
		for _, n := range names {
			known = known || strings.HasPrefix(rest, strings.ToLower(n)+".")
		}
		if known {
			continue
		}
		name := option[len(fieldsPrefix):]
		name = name[:strings.LastIndexByte(name, '.')]
		err := fmt.Errorf("datagen: option '%s': there is no column %s", option, catalog.QuoteName(name))
		if s := catalog.Suggest(name, names); s != "" {
			err = fmt.Errorf("%w; did you mean %s?", err, catalog.QuoteName(s))
		}
		errs = append(errs, err)
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// holds says whether count rows end before year 10000.
func (t timeline) holds(count int64) bool {
	end := time.Date(10000, time.January, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	// In floating point, as the product may leave 64 bits: a year off is no matter.
	return float64(t.base)+float64(count)*float64(t.steps)/float64(t.per) < float64(end)
}
