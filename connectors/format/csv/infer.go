package csv

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/sample"
)

// infer gives the fields that the header of the first file names, with types that
// the first records of it, and of the files after it with the same fields, fit.
func infer(cfg format.InferConfig) ([]catalog.Field, error) {
	if cfg.Samples == nil {
		return nil, nil
	}
	header := cfg.Options[optHeader]
	if cfg.Messages || header == "false" || header == "skip" {
		return nil, fmt.Errorf("fields of CSV have names only in the header of a file ('csv.%s'='true')", optHeader)
	}
	s, err := newSyntax(cfg.Options)
	if err != nil {
		return nil, err
	}
	in := inference{d: &decoding{syntax: s}, left: cfg.Rows}
	for f, err := range cfg.Samples {
		if err == nil {
			err = in.file(f)
		}
		if err != nil {
			return nil, err
		}
		if in.left <= 0 {
			break
		}
	}
	if in.names == nil {
		return nil, fmt.Errorf("there is no header to take columns from")
	}
	fields := make([]catalog.Field, len(in.names))
	for i, name := range in.names {
		fields[i] = catalog.Field{Name: name, Type: in.types[i].Type()}
	}
	return fields, nil
}

type inference struct {
	d     *decoding
	names []string
	types []sample.Guess
	left  int // how many records are still to be looked at
}

// file looks at the records of a file.
func (in *inference) file(f format.Sample) error {
	data := bytes.TrimPrefix(f.Data, []byte("\xef\xbb\xbf"))
	record := func() ([]byte, bool) {
		for len(data) > 0 {
			cut := in.d.Cut(data, connectors.Limits{Records: 1, Bytes: 1}, f.Whole)
			if cut.Bytes == 0 {
				return nil, false
			}
			r := data[cut.Lead:cut.Bytes]
			data = data[cut.Bytes:]
			if cut.Records > 0 {
				return format.TrimLineEnd(r), true
			}
		}
		return nil, false
	}
	first, ok := record()
	if !ok {
		if !f.Whole {
			return fmt.Errorf("%s: the first record is longer than %d bytes", f.Name, len(f.Data))
		}
		return nil // an empty file
	}
	names := in.d.names(first)
	if in.names == nil {
		if err := checkHeader(f.Name, names); err != nil {
			return err
		}
		in.names, in.types = names, make([]sample.Guess, len(names))
		in.d.declared = make([]catalog.Field, len(names))
	}
	at := make([]int, len(names))
	for i, n := range names {
		if at[i] = slices.Index(in.names, n); at[i] < 0 {
			return nil // another kind of file, or one without a header
		}
	}
	for in.left > 0 {
		r, ok := record()
		if !ok {
			return nil
		}
		in.left--
		in.row(r, at)
	}
	return nil
}

// row looks at a record; one that is malformed is passed over.
func (in *inference) row(record []byte, at []int) {
	type value struct {
		text string
		null bool
	}
	var values []value
	p := fieldReader{syntax: in.d.syntax, data: record}
	for more := true; more; {
		var f field
		if f, more = p.next(); f.bad {
			return
		}
		values = append(values, value{string(f.text), f.isNull(in.d.null)})
	}
	if len(values) != len(at) {
		return
	}
	for i, v := range values {
		if !v.null {
			note(&in.types[at[i]], v.text)
		}
	}
}

// note notes a field that is not NULL.
func note(g *sample.Guess, text string) {
	t := string(trimBlanks([]byte(text)))
	switch {
	case strings.EqualFold(t, "true"), strings.EqualFold(t, "false"):
		g.Bool()
	case sample.IsNumber(t):
		g.Number(t)
	default:
		g.Text(t, " T")
	}
}

// checkHeader finds what shows that a first record is no header.
func checkHeader(file string, names []string) error {
	for i, n := range names {
		what := ""
		switch {
		case n == "":
			what = "an empty field"
		case slices.ContainsFunc(names[:i], func(o string) bool { return strings.EqualFold(o, n) }):
			what = fmt.Sprintf("%q twice", n)
		case sample.IsNumber(n):
			what = "the number " + n
		default:
			continue
		}
		return fmt.Errorf("the first record of %s names no columns: it has %s", file, what)
	}
	return nil
}
