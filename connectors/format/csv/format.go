package csv

import (
	"fmt"
	"unicode/utf8"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
)

// The options, named as Flink names them where it has them.
const (
	optDelimiter = "field-delimiter"
	optQuote     = "quote-character"
	optNoQuote   = "disable-quote-character"
	optEscape    = "escape-character"
	optNull      = "null-literal"
	optComments  = "allow-comments"
	optHeader    = "header"
	optLoose     = "ignore-missing-fields"

	optScientific = "write-bigdecimal-in-scientific-notation"
)

// Format gives the format.
func Format() *format.Format {
	return &format.Format{
		Suffix: ".csv",
		Spec: &catalog.ConnectorSpec{
			Name: "csv",
			Doc:  "Delimited text (RFC 4180), one record per line, save for line ends within quotes.",
			Options: []catalog.OptionSpec{
				{Name: optDelimiter, Default: ",", Source: true, Sink: true,
					Doc: "The character between fields; \\t for a tab."},
				{Name: optQuote, Default: `"`, Source: true, Sink: true,
					Doc: "The character around fields that hold delimiters, quotes or line ends; doubled within them."},
				{Name: optNoQuote, Type: catalog.OptionBool, Default: "false", Source: true, Sink: true,
					Doc: "No quoting: a quote is a character like any other."},
				{Name: optEscape, Source: true, Sink: true,
					Doc: "A character that takes the next one as it is. Without it, quotes within quotes are doubled."},
				{Name: optNull, Source: true, Sink: true,
					Doc: "The text that stands for NULL, unquoted. Without it, an empty field without quotes is NULL."},
				{Name: optComments, Type: catalog.OptionBool, Default: "false", Source: true,
					Doc: "Lines that begin with # are no records."},
				{Name: optHeader, Type: catalog.OptionEnum, Values: []string{"auto", "true", "false", "skip"}, Default: "auto", Source: true, Sink: true,
					Doc: "The first record of a file names the columns. Reading: true takes columns by these names; auto does so if the names of all declared columns are there; skip passes over it; false: there is none, columns go by position. Writing: auto, true and skip write one."},
				{Name: optLoose, Type: catalog.OptionBool, Default: "false", Source: true,
					Doc: "Columns beyond the end of a short record are NULL; else a record with another number of fields is malformed."},
				catalog.IgnoreParseErrors(),
				catalog.Refused("array-element-delimiter", "ARRAY, MAP and ROW stand in their field as JSON: \"[1,2]\"", "declare the column as STRING and take it apart: SPLIT(column, ';')"),
				{Name: optScientific, Type: catalog.OptionBool, Sink: true, Doc: "Accepted for Flink's scripts: DECIMAL is always written in plain digits."},
			},
		},
		Decode: newDecoding,
		Encode: newEncoding,
		Infer:  infer,
	}
}

// syntax are the characters that matter.
type syntax struct {
	delimiter byte
	quote     byte // 0: none
	escape    byte // 0: none
	comments  bool
	null      string
	hasNull   bool
}

func newSyntax(o catalog.Options) (syntax, error) {
	var s syntax
	var err error
	if s.delimiter, err = character(o, optDelimiter, ','); err != nil {
		return s, err
	}
	if !o.Bool(optNoQuote) {
		if s.quote, err = character(o, optQuote, '"'); err != nil {
			return s, err
		}
	}
	if s.escape, err = character(o, optEscape, 0); err != nil {
		return s, err
	}
	if s.delimiter == s.quote || s.delimiter == s.escape {
		return s, fmt.Errorf("option 'csv.%s': delimiter, quote and escape must differ", optDelimiter)
	}
	s.comments = o.Bool(optComments)
	s.null, s.hasNull = o[optNull]
	return s, nil
}

// character reads an option of one ASCII character.
func character(o catalog.Options, name string, otherwise byte) (byte, error) {
	v, ok := o[name]
	if !ok || v == "" {
		return otherwise, nil
	}
	if v == `\t` {
		return '\t', nil
	}
	if len(v) != 1 || v[0] >= utf8.RuneSelf || v[0] == '\n' || v[0] == '\r' || v[0] == 0 {
		return 0, fmt.Errorf("option 'csv.%s': %q is not one ASCII character other than a line end", name, v)
	}
	return v[0], nil
}
